"""Orders placed by hand are held against the account's limits, together with what its algorithms have."""

from typing import Any

import pytest

from tests.contract.account_shares.test_limits import LIMITS, PRICE, submit_until_passed, wait_for_share
from tests.support.account_world import AccountWorld
from tests.support.postgresql import Ledger
from tests.support.waiting import wait_until

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "price": PRICE}


class Trader:
    """A person at the panel."""

    def __init__(self, world: AccountWorld, token: str) -> None:
        self._world, self._token = world, token
        # Whatever was open before this test is none of its business.
        self._before = self.open_orders()

    def place(self, quantity: str, **changes: str) -> Any:
        """Ask for an order, a purchase that rests if nothing else is said."""
        order = {**BUY, "quantity": quantity, **changes}
        wish = {name: value for name, value in order.items() if value}
        return self._world.gateway.ask("POST", "/api/v1/orders", self._token, json=wish)

    def place_until_passed(self, quantity: str) -> str:
        """Ask until it is placed and return its id; gateways that have just started grant nothing for some seconds."""
        found = wait_until(lambda: self.place(quantity).json(), "a place", holds=lambda found: "clientOrderId" in found)
        return str(found["clientOrderId"])

    def expect_denial(self, quantity: str, words: str, **changes: str) -> None:
        """Ask for an order that the account's limits deny, in these words; nothing of it reaches the exchange."""
        before = self.open_orders()
        answer = self.place(quantity, **changes)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ACCOUNT_LIMIT_EXCEEDED"), answer.text
        assert words in answer.json()["error"]["message"]
        assert self.open_orders() == before

    def cancel_all(self) -> None:
        """Cancel what this test placed."""
        for name in self.open_orders() - self._before:
            path = f"/api/v1/orders/BTCUSDT/{name}"
            assert self._world.gateway.ask("DELETE", path, self._token).status_code == 200

    def open_orders(self) -> set[str]:
        """Return the ids of the open manual orders, as the exchange has them."""
        orders = self._world.paper.describe_account(int(self._world.keys["account"]))["openOrders"]
        return {order["clientOrderId"] for order in orders if order["clientOrderId"].startswith("skm-")}


@pytest.fixture
def trader(world: AccountWorld, token: str) -> Any:
    """Lend a person; what they leave open is cancelled."""
    trader = Trader(world, token)
    yield trader
    world.gateway.wait_until_ready()
    trader.cancel_all()


def test_manual_orders_keep_the_accounts_exposure_and_count_for_its_algorithms(
    world: AccountWorld, trader: Trader
) -> None:
    world.apply_limits(LIMITS)
    first = trader.place_until_passed("0.012")
    trader.expect_denial("0.012", "of the account's maxExposure 1000")
    sidecar = world.add_sidecar()
    assert wait_for_share(sidecar) < 500
    algorithm = sidecar.connect()
    assert algorithm.submit("BUY", "0.012", PRICE).denied == "ACCOUNT_LIMIT_EXCEEDED"
    # A sale lowers what is at stake.
    assert trader.place("0.001", side="SELL", type="MARKET", price="").status_code == 201
    trader.cancel_all()
    submit_until_passed(algorithm, "0.012")
    assert first not in trader.open_orders()
    trader.expect_denial("0.012", "is not in use or lent to algorithms")
    algorithm.close()


def test_the_limits_are_lowered_and_raised_while_a_manual_order_is_open(world: AccountWorld, trader: Trader) -> None:
    world.apply_limits(LIMITS)
    trader.place_until_passed("0.004")
    world.apply_limits({"maxExposure": "100", "quoteAsset": "USDT"})
    trader.expect_denial("0.001", "maxExposure 100; 0 is not in use")
    world.apply_limits({"maxExposure": "100000", "quoteAsset": "USDT"})
    trader.place_until_passed("0.04")
    world.apply_limits({"maxExposure": "100000", "quoteAsset": "EUR"})
    trader.expect_denial("0.001", "can't be valued")


def test_a_days_loss_of_the_account_stops_manual_purchases_and_not_sales(world: AccountWorld, trader: Trader) -> None:
    world.apply_limits({"maxDailyLoss": "0", "quoteAsset": "USDT"})
    trader.expect_denial("0.001", "Today's loss of the account has reached its maxDailyLoss")
    assert trader.place("0.001", side="SELL", type="MARKET", price="").status_code == 201


def test_an_order_whose_answer_was_lost_counts_also_for_the_gateways_successor(
    world: AccountWorld, trader: Trader
) -> None:
    world.apply_limits(LIMITS)
    trader.place_until_passed("0.0005")
    world.paper.arm("order-timeout", count=1)
    assert trader.place("0.012").status_code == 201
    world.gateway.kill()
    world.gateway.start()
    world.gateway.wait_until_ready()
    # Nothing passes at first; what passes in the end has the room that the old orders leave.
    trader.place_until_passed("0.0005")
    trader.expect_denial("0.012", "of the account's maxExposure 1000")


def test_without_the_ledger_no_manual_order_passes_and_afterwards_the_limit_is_what_it_was(
    world: AccountWorld, trader: Trader, ledger: Ledger
) -> None:
    world.apply_limits(LIMITS)
    trader.place_until_passed("0.012")
    ledger.server.stop()
    try:
        answer = wait_until(
            lambda: trader.place("0.012"), "the ledger to be missed", holds=lambda answer: answer.status_code != 409
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SESSIONS_UNAVAILABLE")
        assert "the ledger does not answer. Try again." in answer.json()["error"]["message"]
        assert len(trader.open_orders()) == 1
    finally:
        ledger.server.start()
    answer = wait_until(
        lambda: trader.place("0.012"), "the ledger to be back", holds=lambda answer: answer.status_code != 503
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ACCOUNT_LIMIT_EXCEEDED"), answer.text
    trader.cancel_all()
    trader.place_until_passed("0.012")
