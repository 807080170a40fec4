"""An algorithm that hangs, is out of memory or crashes at every start: its dead man acts, and the gateway lives on."""

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from stockade_wire.order_ids import order_prefix
from tests.cluster.trading.test_killed import orders
from tests.cluster.trading.test_stopping import net
from tests.support.kubectl import Kubectl
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

DOOMED = '''
"""Buys, leaves one order in the book, and then comes to its end; its later lives end at once."""

from decimal import Decimal
from pathlib import Path

from stockade_sdk import Strategy

MARK = Path("/tmp/lived")


class Doomed(Strategy):
    def on_start(self):
        if MARK.exists():
            self.end()
        self.subscribe_quotes("BTCUSDT")
        self.next = "hold"

    def on_quote_tick(self, tick):
        wanted, self.next = self.next, None
        if wanted == "hold":
            self.buy("BTCUSDT", Decimal("0.002"))
        elif wanted == "rest":
            price = self.instrument("BTCUSDT").round_price(tick.bid_price * Decimal("0.97"))
            self.buy("BTCUSDT", Decimal("0.001"), price)

    def on_order_filled(self, order):
        self.next = "rest"

    def on_order_denied(self, order):
        # Of the orders that the exchange takes from the account an algorithm that has just come may have few as yet.
        self.next = "hold" if order.price is None else "rest"

    def on_order_accepted(self, order):
        if order.type != "LIMIT":
            return
        MARK.touch()
        self.end()

    def end(self):
        {end}
'''
ENDS = {
    "hangs": "while True: pass",
    "runs out of memory": "self.hoard = [bytearray(1 << 20) for _ in range(1 << 12)]",
    "crashes at every start": "raise RuntimeError('doomed')",
}
ACTIONS = {"hangs": "Flatten", "runs out of memory": "CancelOrders", "crashes at every start": "Flatten"}
Take = Callable[[str], str]


@pytest.fixture(scope="module")
def take(tenant: TestTenant) -> Take:
    """Give a way to end its algorithm: they start together, and a case that is run again gets another one."""

    def start(way: str) -> str:
        name = f"{way.replace(' ', '-')}-{secrets.token_hex(2)}"
        tenant.apply_algorithm(
            name,
            DOOMED.replace("{end}", ENDS[way]),
            deadMan={"afterSeconds": 5, "action": ACTIONS[way]},
            onStop="Keep",
            resources={"cpu": "500m", "memory": "96Mi"},
        )
        return name

    started = {way: start(way) for way in ENDS}
    return lambda way: started.pop(way, "") or start(way)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("way", ENDS)
def test_its_dead_man_acts(kubectl: Kubectl, tenant: TestTenant, take: Take, way: str) -> None:
    name, action = take(way), ACTIONS[way]
    algorithm = kubectl.get("algorithm", name, tenant.namespace)
    assert algorithm is not None
    prefix = order_prefix(algorithm["metadata"]["uid"])

    def mine() -> list[dict[str, Any]]:
        return [each for each in orders(tenant) if each["clientOrderId"].startswith(prefix)]

    wait_until(mine, "two orders", holds=lambda seen: len(seen) >= 2, deadline_seconds=120)

    def left() -> dict[str, Any]:
        """What is not yet as the dead man's action leaves it; on a slow machine the first silence may come early."""
        told = tenant.gateway_status(name)["deadMan"] or {}
        open_orders = [each for each in mine() if each["status"] in {"NEW", "PARTIALLY_FILLED"}]
        held = net(mine()) if action == "Flatten" else Decimal(0)
        return {
            "action": (told.get("action"), told.get("result")) != (action, "Done"),
            "orders": open_orders,
            "position": held > Decimal("0.00001"),
        }

    wait_until(left, "the dead man's work to be done", holds=lambda seen: not any(seen.values()), deadline_seconds=150)
    sold = [each for each in mine() if each["side"] == "SELL"]
    assert bool(sold) is (action == "Flatten")
    pod = kubectl.get("pod", f"algo-{name}", tenant.namespace)
    assert pod is not None
    assert [each["restartCount"] for each in pod["status"]["initContainerStatuses"]] == [0]
    kubectl.patch("algorithm", name, tenant.namespace, {"spec": {"state": "Stopped"}})
