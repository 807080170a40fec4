"""Stops, trailing stops and order lists: what fires when, and what it does to the rest."""

from decimal import Decimal

import pytest

from stockade_paper.accounts import Account
from stockade_paper.errors import BinanceError
from stockade_paper.order_lists import OrderList
from stockade_paper.order_requests import read_order
from stockade_paper.orders import Order
from stockade_paper.parameters import Parameters
from tests.unit.paper.conftest import Floor

D = Decimal


@pytest.mark.parametrize(
    ("kind", "side", "stop", "quiet", "firing"),
    [
        ("STOP_LOSS", "SELL", "99", "99.50", "99"),
        ("STOP_LOSS", "BUY", "101", "100.50", "101"),
        ("TAKE_PROFIT", "SELL", "101", "100.50", "101"),
        ("TAKE_PROFIT", "BUY", "99", "99.50", "99"),
    ],
)
def test_stops_fire_at_their_price(floor: Floor, *, kind: str, side: str, stop: str, quiet: str, firing: str) -> None:
    trader = floor.open_account(USDT="1000", BTC="10")
    order = floor.place(trader, side, kind, quantity="1", stopPrice=stop)
    floor.trade(quiet, "1", buyer_maker=False)
    assert (order.status, order.is_working) == ("NEW", False)
    floor.trade(firing, "1", buyer_maker=False)
    assert order.status == "FILLED"
    assert floor.reports_of(order) == ["NEW", "NEW", "TRADE"]


def test_stop_that_is_already_through_is_rejected(floor: Floor) -> None:
    trader = floor.open_account(BTC="10")
    with pytest.raises(BinanceError, match=r"Order would trigger immediately\."):
        floor.place(trader, "SELL", "STOP_LOSS", quantity="1", stopPrice="100")


def test_stop_limit_rests_at_its_limit_after_firing(floor: Floor) -> None:
    trader = floor.open_account(BTC="10")
    order = floor.place(trader, "SELL", "STOP_LOSS_LIMIT", quantity="1", stopPrice="99.50", price="100.20")
    floor.trade("99.50", "1", buyer_maker=False)
    assert (order.status, order.is_working) == ("NEW", True)
    assert floor.market.book.best("SELL") == (D("100.20"), D(1))


def test_trailing_stop_follows_the_highest_price(floor: Floor) -> None:
    trader = floor.open_account(BTC="10")
    order = floor.place(trader, "SELL", "STOP_LOSS", quantity="1", trailingDelta="100")
    for price in ("100.50", "110", "109"):
        floor.trade(price, "1", buyer_maker=False)
        assert order.status == "NEW"
    floor.trade("108.90", "1", buyer_maker=False)
    assert order.status == "FILLED"


def make_order(floor: Floor, trader: Account, kind: str, **values: str) -> Order:
    """Read an order without placing it."""
    values = {"symbol": "BTCUSDT", "type": kind, "quantity": "1", **values}
    return read_order(Parameters(values), trader.account_id, floor.now_ms).order


def place_list(floor: Floor, trader: Account, kind: str, orders: list[Order]) -> OrderList:
    """Place an OCO of two, or an OTO or OTOCO of one and the rest."""
    is_oco = kind == "OCO"
    return floor.exchange.lists.place(
        OrderList(
            list_id=0,
            account_id=trader.account_id,
            symbol="BTCUSDT",
            client_id="list",
            contingency=kind,
            orders=orders,
            created_ms=floor.now_ms,
            working=None if is_oco else orders[0],
            pair=(orders[-2], orders[-1]) if is_oco or len(orders) == 3 else None,
            pending=() if is_oco else tuple(orders[1:]),
        )
    )


def test_oco_locks_once_and_the_fill_of_one_leg_ends_the_other(floor: Floor) -> None:
    trader = floor.open_account(BTC="1")
    limit = make_order(floor, trader, "LIMIT_MAKER", side="SELL", price="105")
    stop = make_order(floor, trader, "STOP_LOSS", side="SELL", stopPrice="95")
    placed = place_list(floor, trader, "OCO", [limit, stop])
    assert (trader.balance("BTC").free, trader.balance("BTC").locked) == (D(0), D(1))
    floor.trade("106", "1", buyer_maker=False)
    assert (limit.status, stop.status, stop.expiry_reason) == ("FILLED", "EXPIRED", "OCO_TRIGGER")
    assert trader.balance("BTC").locked == 0
    assert placed.is_done
    assert [event["l"] for _, event in floor.events if event["e"] == "listStatus"] == ["EXEC_STARTED", "ALL_DONE"]


def test_oco_stop_leg_sells_what_the_other_leg_had_locked(floor: Floor) -> None:
    trader = floor.open_account(BTC="1")
    limit = make_order(floor, trader, "LIMIT_MAKER", side="SELL", price="105")
    stop = make_order(floor, trader, "STOP_LOSS", side="SELL", stopPrice="95")
    place_list(floor, trader, "OCO", [limit, stop])
    floor.trade("95", "1", buyer_maker=False)
    assert (limit.status, stop.status) == ("EXPIRED", "FILLED")
    assert (trader.balance("BTC").free, trader.balance("BTC").locked) == (D(0), D(0))
    assert trader.balance("USDT").free > 98


def test_cancelling_one_leg_cancels_the_list(floor: Floor) -> None:
    trader = floor.open_account(BTC="1")
    limit = make_order(floor, trader, "LIMIT_MAKER", side="SELL", price="105")
    stop = make_order(floor, trader, "STOP_LOSS", side="SELL", stopPrice="95")
    place_list(floor, trader, "OCO", [limit, stop])
    floor.exchange.cancel(stop, "cancel")
    assert (limit.status, stop.status) == ("CANCELED", "CANCELED")
    assert (trader.balance("BTC").free, trader.balance("BTC").locked) == (D(1), D(0))


def test_pending_orders_go_live_when_the_working_one_is_filled(floor: Floor) -> None:
    trader = floor.open_account(USDT="100")
    working = make_order(floor, trader, "LIMIT", side="BUY", price="99.50", timeInForce="GTC")
    above = make_order(floor, trader, "LIMIT_MAKER", side="SELL", price="105", quantity="0.99")
    below = make_order(floor, trader, "STOP_LOSS", side="SELL", stopPrice="95", quantity="0.99")
    place_list(floor, trader, "OTO", [working, above, below])
    assert (above.status, below.status, trader.balance("BTC").locked) == ("PENDING_NEW", "PENDING_NEW", D(0))
    floor.trade("99.40", "1", buyer_maker=True)
    assert (working.status, above.status, below.status) == ("FILLED", "NEW", "NEW")
    assert trader.balance("BTC").locked == D("0.99")
    floor.trade("95", "1", buyer_maker=True)
    assert (above.status, below.status) == ("EXPIRED", "FILLED")


def test_cancelled_working_order_takes_the_pending_one_along(floor: Floor) -> None:
    trader = floor.open_account(USDT="100")
    working = make_order(floor, trader, "LIMIT", side="BUY", price="99.50", timeInForce="GTC")
    pending = make_order(floor, trader, "LIMIT_MAKER", side="SELL", price="105")
    place_list(floor, trader, "OTO", [working, pending])
    floor.exchange.cancel(working, "cancel")
    assert pending.status == "CANCELED"
    assert trader.balance("USDT").free == 100
