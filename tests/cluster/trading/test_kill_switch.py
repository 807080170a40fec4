"""The account's shared limits and its kill switch on the cluster: every pod of the account obeys, and cancels."""

import time
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.support.tenants import TestTenant, ask_json
from tests.support.waiting import wait_until

RESTER = '''
"""Keeps two orders below the market open, as far as it is let."""

from decimal import Decimal

from stockade_sdk import Strategy


class Rester(Strategy):
    def on_start(self):
        self.subscribe_quotes("BTCUSDT")
        self.set_timer("place", 0.5)

    def on_timer(self, name):
        quote = self.last_quote("BTCUSDT")
        if quote is not None and len(self.open_orders()) < 2:
            price = (quote.bid_price * Decimal("0.9")).quantize(Decimal(1))
            self.buy("BTCUSDT", Decimal("0.001"), price)
'''
PODS = ("rester-1", "rester-2", "rester-3")
LIMIT = Decimal(250)


def open_orders(tenant: TestTenant) -> list[dict[str, Any]]:
    """Return the account's open orders as the exchange has them."""
    found: list[dict[str, Any]] = tenant.paper.books(tenant.key["apiKey"])["openOrders"]
    return found


def last_entry(tenant: TestTenant) -> int:
    """Return the number of the newest entry in the exchange's record."""
    last: int = ask_json(f"{tenant.paper.url}/paper/v1/audit?limit=1")["last"]
    return last


def list_own_orders(tenant: TestTenant, after: int) -> list[dict[str, Any]]:
    """Return what became of the account's orders after an entry, as the exchange recorded it."""
    entries = ask_json(f"{tenant.paper.url}/paper/v1/audit?after={after}&limit=100000")["entries"]
    return [each for each in entries if each["kind"] == "order" and each["account"] == tenant.key["account"]]


def change_account(tenant: TestTenant, **spec: Any) -> None:
    tenant.kubectl.patch("exchangeaccount", "paper", tenant.namespace, {"spec": spec})


@pytest.fixture(scope="module")
def resters(tenant: TestTenant) -> TestTenant:
    change_account(tenant, limits={"maxExposure": str(LIMIT), "quoteAsset": "USDT"})
    for name in PODS:
        tenant.apply_algorithm(name, RESTER)
    for name in PODS:
        tenant.wait_ready("algorithm", name)
    return tenant


def test_the_pods_of_an_account_share_its_limit(resters: TestTenant) -> None:
    wait_until(lambda: open_orders(resters), "orders under the shared limit", holds=lambda seen: len(seen) >= 2)
    wait_until(
        lambda: [resters.gateway_status(name)["orders"]["denied"] for name in PODS],
        "a denial for the shared limit",
        holds=any,
    )
    held = sum(Decimal(order["origQty"]) * Decimal(order["price"]) for order in open_orders(resters))
    assert held <= LIMIT
    shares = [resters.gateway_status(name)["accountShare"] for name in PODS]
    assert [share["error"] for share in shares] == [None] * len(PODS)


def test_halting_the_account_cancels_every_order_of_every_pod(
    resters: TestTenant, capsys: pytest.CaptureFixture[str]
) -> None:
    left = {order["clientOrderId"] for order in open_orders(resters)}
    assert left
    before = last_entry(resters)
    clicked_ms = time.time() * 1000
    change_account(resters, trading="Halted", limits=None)
    wait_until(lambda: open_orders(resters), "no open order", holds=lambda seen: not seen)
    for name in PODS:
        status = wait_until(
            partial(resters.gateway_status, name),
            "the kill switch to be done",
            holds=lambda seen: (seen["killSwitch"] or {}).get("result") == "Done",
        )
        assert (status["trading"], status["openOrders"]) == ("Halted", 0)
    halted = last_entry(resters)
    # What a pod placed between the click and its own halt is cancelled like the rest.
    fates: dict[str, tuple[str, int]] = {
        entry["clientOrderId"]: (entry["status"], entry["timeMs"])
        for entry in list_own_orders(resters, before)
        if entry["number"] <= halted
    }
    assert left <= fates.keys()
    assert {status for status, _ in fates.values()} == {"CANCELED"}
    milliseconds = max(time_ms for _, time_ms in fates.values()) - clicked_ms
    with capsys.disabled():
        print(
            f"\nkill switch: {len(PODS)} pods, {len(fates)} orders, last cancel {milliseconds:.0f} ms after the click"
        )
    # Each pod goes on asking for orders twice a second: every one of them is denied.
    denied = [resters.gateway_status(name)["orders"]["denied"] for name in PODS]
    wait_until(
        lambda: [resters.gateway_status(name)["orders"]["denied"] for name in PODS],
        "more denials",
        holds=lambda seen: all(now > then + 4 for now, then in zip(seen, denied, strict=True)),
    )
    assert list_own_orders(resters, halted) == []
    assert open_orders(resters) == []
