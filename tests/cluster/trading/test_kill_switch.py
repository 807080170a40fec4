"""The account's shared limits and its kill switch on the cluster: every pod of the account obeys, and cancels."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.support.tenants import TestTenant
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


def test_halting_the_account_cancels_every_order_of_every_pod(resters: TestTenant) -> None:
    change_account(resters, trading="Halted", limits=None)
    wait_until(lambda: open_orders(resters), "no open order", holds=lambda seen: not seen)
    for name in PODS:
        status = wait_until(
            partial(resters.gateway_status, name),
            "the kill switch to be done",
            holds=lambda seen: (seen["killSwitch"] or {}).get("result") == "Done",
        )
        assert (status["trading"], status["openOrders"]) == ("Halted", 0)
    # Each pod goes on asking for orders twice a second: every one of them is denied.
    before = [resters.gateway_status(name)["orders"] for name in PODS]
    after = wait_until(
        lambda: [resters.gateway_status(name)["orders"] for name in PODS],
        "more denials",
        holds=lambda seen: all(now["denied"] > then["denied"] + 4 for now, then in zip(seen, before, strict=True)),
    )
    assert [each["submitted"] for each in after] == [each["submitted"] for each in before]
    assert open_orders(resters) == []
