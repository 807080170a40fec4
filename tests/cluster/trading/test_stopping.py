"""What the gateway does before it leaves: the Algorithm's `onStop`, whatever stops it."""

import json
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from stockade_wire.order_ids import order_prefix
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

HOLDER = '''
"""Buys a little and leaves one order in the book."""

from decimal import Decimal

from stockade_sdk import Strategy


class Holder(Strategy):
    def on_start(self):
        self.subscribe_quotes("BTCUSDT")
        self.wanted = ["hold", "rest"]

    def on_quote_tick(self, tick):
        while self.wanted:
            if self.wanted.pop() == "hold":
                self.buy("BTCUSDT", Decimal("0.002"))
            else:
                price = self.instrument("BTCUSDT").round_price(tick.bid_price * Decimal("0.97"))
                self.buy("BTCUSDT", Decimal("0.001"), price)

    def on_order_denied(self, order):
        # Of the orders that the exchange takes from the account an algorithm that has just come may have few as yet.
        self.wanted.append("hold" if order.price is None else "rest")
'''
ACTIONS = ("Keep", "CancelOrders", "Flatten")
WAYS = ("Stopped", "deleted")
Take = Callable[[str, str], str]


@pytest.fixture(scope="module")
def take(tenant: TestTenant) -> Take:
    """Give a case its algorithm: they start together, and a case that is run again gets another one."""

    def start(action: str) -> str:
        name = f"{action.lower()}-{secrets.token_hex(2)}"
        tenant.apply_algorithm(name, HOLDER, onStop=action)
        return name

    cases = [*((action, way) for way in WAYS for action in ACTIONS), ("Flatten", "evicted")]
    started = {case: start(case[0]) for case in cases}
    return lambda action, way: started.pop((action, way), "") or start(action)


def wait_for_both(tenant: TestTenant, name: str) -> str:
    """Wait until the algorithm has one order filled and one open; returns what the ids of its orders begin with."""
    prefix = order_prefix(tenant.wait_ready("algorithm", name)["metadata"]["uid"])
    wait_until(
        lambda: own_orders(tenant, prefix),
        "one order filled and one open",
        holds=lambda seen: sorted(each["status"] for each in seen) == ["FILLED", "NEW"],
    )
    wait_until(
        lambda: tenant.gateway_status(name), "the gateway to know both", holds=lambda seen: seen["openOrders"] == 1
    )
    return prefix


def own_orders(tenant: TestTenant, prefix: str) -> list[dict[str, Any]]:
    orders = tenant.paper.books(tenant.key["apiKey"])["orders"]
    return [each for each in orders if each["clientOrderId"].startswith(prefix)]


def net(orders: list[dict[str, Any]]) -> Decimal:
    """What the orders bought less what they sold, before commission."""
    return sum((Decimal(each["executedQty"]) * (1 if each["side"] == "BUY" else -1) for each in orders), Decimal(0))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", ACTIONS)
def test_it_does_what_was_asked_and_says_so(tenant: TestTenant, take: Take, action: str, way: str) -> None:
    name = take(action, way)
    prefix = wait_for_both(tenant, name)

    if way == "Stopped":
        tenant.kubectl.patch("algorithm", name, tenant.namespace, {"spec": {"state": "Stopped"}})
        found = wait_until(
            lambda: (tenant.kubectl.get("algorithm", name, tenant.namespace) or {}).get("status", {}),
            "the outcome in the status",
            holds=lambda seen: bool(seen.get("onStop")) and not seen.get("pod"),
            deadline_seconds=120,
        )
        assert (found["onStop"]["action"], found["onStop"]["result"]) == (action, "Done"), found["onStop"]
    else:
        tenant.kubectl.delete("algorithm", name, tenant.namespace, wait=False)
        wait_until(
            lambda: tenant.kubectl.get("algorithm", name, tenant.namespace),
            "it to be gone",
            holds=lambda seen: seen is None,
            deadline_seconds=120,
        )
    assert tenant.kubectl.get("pod", f"algo-{name}", tenant.namespace) is None

    orders = own_orders(tenant, prefix)
    still_open = [each for each in orders if each["status"] in {"NEW", "PARTIALLY_FILLED"}]
    assert len(still_open) == (1 if action == "Keep" else 0)
    # A purchase's commission is taken from what was bought, so what can be sold is a step less.
    assert net(orders) == Decimal("0.002") if action != "Flatten" else net(orders) <= Decimal("0.00001")


@pytest.mark.timeout(300)
def test_an_evicted_pod_flattens_as_asked_and_is_replaced(tenant: TestTenant, take: Take) -> None:
    """What `kubectl drain` and a node short of memory do: they ask for an eviction, which is a deletion with grace."""
    name = take("Flatten", "evicted")
    prefix = wait_for_both(tenant, name)
    known = {each["clientOrderId"] for each in own_orders(tenant, prefix)}
    pod = tenant.kubectl.get("pod", f"algo-{name}", tenant.namespace)
    assert pod is not None
    metadata = {"name": f"algo-{name}", "namespace": tenant.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{tenant.namespace}/pods/algo-{name}/eviction"
    tenant.kubectl.run("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    wait_until(
        lambda: tenant.kubectl.get("pod", f"algo-{name}", tenant.namespace) or {},
        "another pod",
        holds=lambda seen: seen.get("metadata", {}).get("uid") not in {None, pod["metadata"]["uid"]},
        deadline_seconds=150,
    )
    outcome = (tenant.kubectl.get("algorithm", name, tenant.namespace) or {})["status"]["onStop"]
    assert (outcome["action"], outcome["result"]) == ("Flatten", "Done"), outcome
    tenant.wait_ready("algorithm", name)
    orders = own_orders(tenant, prefix)
    assert sorted(each["status"] for each in orders if each["clientOrderId"] in known) == ["CANCELED", "FILLED"]
    sold = [each for each in orders if each["side"] == "SELL"]
    assert len(sold) == 1
    tenant.kubectl.delete("algorithm", name, tenant.namespace, wait=False)
