"""Matching: who trades with whom at which price, in which order, and that no money appears or vanishes."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockade_paper.accounts import Account
from stockade_paper.errors import BinanceError
from stockade_paper.order_requests import read_order
from stockade_paper.orders import Order
from stockade_paper.parameters import Parameters
from tests.unit.paper.conftest import Floor

D = Decimal


def test_market_buy_walks_the_asks_and_pays_the_fee_in_the_base_asset(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "MARKET", quantity="7")
    assert [(fill.price, fill.quantity) for fill in order.fills] == [(D(101), D(5)), (D(102), D(2))]
    assert order.status == "FILLED"
    assert trader.balance("USDT").free == D(10000) - D(709)
    assert trader.balance("BTC").free == D(7) - D("0.007")


def test_market_sell_pays_the_fee_in_the_quote_asset(floor: Floor) -> None:
    trader = floor.open_account(BTC="2")
    floor.place(trader, "SELL", "MARKET", quantity="1")
    assert trader.balance("USDT").free == D(99) - D("0.099")


def test_fee_in_bnb_has_its_discount(floor: Floor) -> None:
    trader = floor.open_account(USDT="1000", BNB="1")
    trader.pays_fees_in_bnb = True
    floor.exchange.markets["BNBUSDT"].last_price = D(50)
    order = floor.place(trader, "BUY", "MARKET", quantity="1")
    assert order.fills[0].commission_asset == "BNB"
    assert order.fills[0].commission == D("0.001515")  # 101 * 0.001 * 0.75 / 50
    assert trader.balance("BTC").free == 1


def test_market_order_by_quote_amount_never_spends_more(floor: Floor) -> None:
    trader = floor.open_account(USDT="300")
    order = floor.place(trader, "BUY", "MARKET", quoteOrderQty="250")
    assert order.status == "FILLED"
    assert order.cumulative_quote <= 250
    assert 250 - order.cumulative_quote < D("0.01")


def test_starved_market_order_fills_what_there_is_and_expires(floor: Floor) -> None:
    trader = floor.open_account(USDT="100000")
    order = floor.place(trader, "BUY", "MARKET", quantity="20")
    assert (order.executed, order.status, order.expiry_reason) == (D(15), "EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert floor.reports_of(order) == ["NEW", "TRADE", "TRADE", "EXPIRED"]


def test_market_order_beyond_the_balance_is_rejected_whole(floor: Floor) -> None:
    trader = floor.open_account(USDT="100")
    with pytest.raises(BinanceError, match=r"Account has insufficient balance for requested action\."):
        floor.place(trader, "BUY", "MARKET", quantity="1")
    assert trader.balance("USDT").free == 100
    assert not floor.exchange.orders


def test_limit_order_locks_and_a_cancel_gives_back(floor: Floor) -> None:
    trader = floor.open_account(USDT="1000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="2", price="98.50")
    assert (trader.balance("USDT").free, trader.balance("USDT").locked) == (D(803), D(197))
    floor.exchange.cancel(order, "cancel-1")
    assert (trader.balance("USDT").free, trader.balance("USDT").locked) == (D(1000), D(0))
    assert floor.events[-2][1]["c"] == "cancel-1"
    assert floor.events[-2][1]["C"] == order.client_order_id


def test_marketable_limit_gets_the_better_price_and_rests_with_the_remainder(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="8", price="101")
    assert (order.executed, order.status) == (D(5), "PARTIALLY_FILLED")
    assert trader.balance("USDT").locked == D(303)
    assert floor.market.book.best("BUY") == (D(101), D(3))


def test_waiting_order_fills_only_after_the_visible_queue_before_it(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="2", price="99")
    floor.trade("99", "4", buyer_maker=True)
    assert order.executed == 0
    floor.trade("99", "2", buyer_maker=True)
    assert order.executed == 1
    floor.trade("99", "5", buyer_maker=True)
    assert (order.executed, order.status) == (D(2), "FILLED")
    assert all(fill.is_maker and fill.price == 99 for fill in order.fills)


def test_trades_of_buyers_do_not_fill_a_waiting_purchase(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="2", price="99")
    floor.trade("99", "100", buyer_maker=False)
    assert order.executed == 0


def test_cancellations_before_us_shorten_the_queue(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="2", price="99")
    floor.draw_book([("99", "1"), ("98", "10")], [("101", "5")])
    floor.trade("99", "2", buyer_maker=True)
    assert order.executed == 1


def test_trade_through_the_price_fills_without_a_queue(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="2", price="99")
    floor.trade("98.50", "1.5", buyer_maker=True)
    assert (order.executed, order.fills[0].price) == (D("1.5"), D(99))


def test_quote_through_the_price_fills_up_to_its_size(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="2", price="100.50")
    floor.draw_book([("99", "5")], [("100.20", "0.5"), ("102", "10")])
    assert (order.executed, order.fills[0].price) == (D("0.5"), D("100.50"))
    bid, ask = floor.market.book.best("BUY"), floor.market.book.best("SELL")
    assert bid is not None
    assert ask is not None
    assert bid[0] < ask[0]


def test_replay_knows_no_queue_behind_the_best_quote(make_floor: Callable[..., Floor]) -> None:
    """With the best quote only, a deeper order fills when the price is passed, or after a queue that became visible."""
    floor = make_floor(full_depth=False)
    floor.draw_book([("99", "5")], [("101", "5")])
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="1", price="98")
    floor.trade("98", "50", buyer_maker=True)
    assert order.executed == 0
    floor.draw_book([("98", "3")], [("101", "5")])
    floor.trade("98", "3.5", buyer_maker=True)
    assert order.executed == D("0.5")


def test_two_accounts_trade_by_price_and_time(floor: Floor) -> None:
    makers = [floor.open_account(USDT="10000") for _ in range(2)]
    taker = floor.open_account(BTC="5")
    early = floor.place(makers[0], "BUY", "LIMIT", quantity="1", price="99.50")
    late = floor.place(makers[1], "BUY", "LIMIT", quantity="1", price="99.50")
    best = floor.place(makers[1], "BUY", "LIMIT", quantity="1", price="99.60")
    floor.place(taker, "SELL", "MARKET", quantity="2.5")
    assert (best.executed, early.executed, late.executed) == (D(1), D(1), D("0.5"))


@pytest.mark.parametrize(
    ("time_in_force", "quantity", "executed", "status", "reason"),
    [
        ("IOC", "8", "5", "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("IOC", "5", "5", "FILLED", None),
        ("FOK", "8", "0", "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED"),
        ("FOK", "5", "5", "FILLED", None),
    ],
)
def test_time_in_force(
    floor: Floor, *, time_in_force: str, quantity: str, executed: str, status: str, reason: str | None
) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity=quantity, price="101", timeInForce=time_in_force)
    assert (order.executed, order.status, order.expiry_reason) == (D(executed), status, reason)
    assert trader.balance("USDT").locked == 0


def test_limit_maker_that_would_take_is_rejected(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    with pytest.raises(BinanceError, match=r"Order would immediately match and take\."):
        floor.place(trader, "BUY", "LIMIT_MAKER", quantity="1", price="101")


@pytest.mark.parametrize(
    ("mode", "maker_status", "taker_status"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("DECREMENT", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ],
)
def test_self_trade_prevention(floor: Floor, mode: str, maker_status: str, taker_status: str) -> None:
    trader = floor.open_account(USDT="10000", BTC="10")
    maker = floor.place(trader, "SELL", "LIMIT", quantity="1", price="100.50")
    taker = floor.place(trader, "BUY", "MARKET", quantity="1", selfTradePreventionMode=mode)
    assert (maker.status, taker.status) == (maker_status, taker_status)
    assert trader.balance("BTC").locked == (1 if maker_status == "NEW" else 0)
    told = [event for _, event in floor.events if event.get("x") == "TRADE_PREVENTION"]
    assert {event["i"] for event in told} == {
        order.order_id for order in (maker, taker) if order.status == "EXPIRED_IN_MATCH"
    }
    for event in told:
        assert event["X"] == "EXPIRED_IN_MATCH"
        assert event["U"] == (taker.order_id if event["i"] == maker.order_id else maker.order_id)
        assert (event["v"], event["pL"], event["pl"]) == (maker.prevented_match_id, "100.50000000", "1.00000000")
    assert len(floor.exchange.prevented) == (mode != "NONE")


def test_smart_order_routing_fills_by_allocations(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    values = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "7",
        "price": "101",
    }
    order = read_order(Parameters(values), trader.account_id, floor.now_ms).order
    order.uses_sor = True
    floor.exchange.place(order)
    floor.draw_book([("99", "5")], [("100.90", "1"), ("102", "9")])
    taken, waited = order.fills
    assert (taken.trade_id, taken.quantity, taken.is_maker) == (-1, D(5), False)
    assert taken.allocation_id == floor.market.trades[-2].trade_id
    assert (waited.allocation_id, waited.quantity, waited.is_maker) == (None, D(1), True)
    reports = [event for _, event in floor.events if event.get("x") == "TRADE"]
    assert [(event.get("b"), event.get("a"), event["uS"]) for event in reports] == [
        ("ONE_PARTY_TRADE_REPORT", taken.allocation_id, True),
        (None, None, True),
    ]


def test_iceberg_shows_one_part_and_goes_to_the_end_of_the_queue(floor: Floor) -> None:
    seller, other = floor.open_account(BTC="10"), floor.open_account(BTC="10")
    iceberg = floor.place(seller, "SELL", "LIMIT", quantity="3", price="100.50", icebergQty="1")
    plain = floor.place(other, "SELL", "LIMIT", quantity="1", price="100.50")
    assert floor.market.book.best("SELL") == (D("100.50"), D(2))
    floor.trade("100.50", "1.5", buyer_maker=False)
    assert (iceberg.executed, plain.executed) == (D(1), D("0.5"))
    assert floor.market.book.best("SELL") == (D("100.50"), D("1.5"))
    floor.place(floor.open_account(USDT="1000"), "BUY", "MARKET", quantity="2.5")
    assert (iceberg.executed, plain.executed) == (D(3), D(1))


def test_amending_keeps_the_place_and_frees_the_difference(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="4", price="99")
    queue = order.queue_ahead
    floor.exchange.amend(order, D(1), "amended")
    assert (order.quantity, order.queue_ahead, trader.balance("USDT").locked) == (D(1), queue, D(99))
    assert floor.reports_of(order) == ["NEW", "REPLACED"]
    with pytest.raises(BinanceError):
        floor.exchange.amend(order, D(2), "again")
    other = floor.place(trader, "BUY", "LIMIT", quantity="4", price="99")
    with pytest.raises(BinanceError, match=r"Duplicate order sent\."):
        floor.exchange.amend(other, D(1), "amended")
    assert floor.exchange.find(trader.account_id, "BTCUSDT", None, "amended") is order


def test_closed_market_takes_no_order(floor: Floor) -> None:
    trader = floor.open_account(USDT="10000")
    floor.market.status = "HALT"
    with pytest.raises(BinanceError, match=r"Market is closed\."):
        floor.place(trader, "BUY", "MARKET", quantity="1")


Action = tuple[str, int, str, str, int, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["LIMIT", "MARKET", "STOP_LOSS", "TAKE_PROFIT_LIMIT", "cancel", "trade", "book"]),
        st.integers(0, 1),
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "DECREMENT"]),
        st.integers(1, 400),
        st.integers(9500, 10500),
    ),
    max_size=40,
)


@given(ACTIONS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_money_appears_or_vanishes(make_floor: Callable[..., Floor], actions: list[Action]) -> None:
    """Whatever happens: balances follow from fills alone, nothing is negative, locks are what open orders need."""
    floor = make_floor()
    floor.draw_book([("99", "2"), ("98", "3")], [("101", "2"), ("102", "3")])
    floor.trade("100", "1", buyer_maker=False)
    accounts = [floor.open_account(USDT="500", BTC="5") for _ in range(2)]
    for action in actions:
        act(floor, accounts, action)
        for account in accounts:
            check_account(floor, account)


def act(floor: Floor, accounts: list[Account], action: Action) -> None:
    """Do one random thing; refusals are fine."""
    kind, who, side, mode, size, price = action
    account = accounts[who]
    quantity, at = str(D(size) / 100), str(D(price) / 100)
    try:
        if kind == "cancel":
            orders = floor.exchange.open_of(account.account_id)
            if orders:
                floor.exchange.cancel(orders[size % len(orders)], "cancel")
        elif kind == "trade":
            floor.trade(at, quantity, buyer_maker=side == "BUY")
        elif kind == "book":
            floor.draw_book([(str(D(at) - 1), quantity)], [(str(D(at) + 1), quantity)])
        elif kind == "STOP_LOSS":
            floor.place(account, side, kind, quantity=quantity, stopPrice=at, selfTradePreventionMode=mode)
        elif kind == "TAKE_PROFIT_LIMIT":
            floor.place(account, side, kind, quantity=quantity, stopPrice=at, price=at, selfTradePreventionMode=mode)
        elif kind == "LIMIT":
            floor.place(account, side, kind, quantity=quantity, price=at, selfTradePreventionMode=mode)
        else:
            floor.place(account, side, kind, quantity=quantity, selfTradePreventionMode=mode)
    except BinanceError:
        return


def check_account(floor: Floor, account: Account) -> None:
    """Compare an account's balances with its fills and open orders."""
    fills = [fill for fill in floor.exchange.fills if fill.account_id == account.account_id]
    expected = {"USDT": D(500), "BTC": D(5)}
    for fill in fills:
        sign = 1 if fill.side == "BUY" else -1
        expected["BTC"] += sign * fill.quantity
        expected["USDT"] -= sign * fill.quantity * fill.price
        expected[fill.commission_asset] -= fill.commission
    for asset, amount in expected.items():
        balance = account.balance(asset)
        assert balance.free + balance.locked == amount
        assert balance.free >= 0
        assert balance.locked == locked_by(floor.exchange.open_of(account.account_id), asset)


def locked_by(orders: list[Order], asset: str) -> Decimal:
    """Sum what open orders have locked of an asset."""
    side = "SELL" if asset == "BTC" else "BUY"
    return sum((order.locked for order in orders if order.side == side), D(0))


def test_oldest_closed_orders_are_forgotten(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade_paper.exchange.KEPT_CLOSED_ORDERS", 2)
    trader = floor.open_account(USDT="1000")
    open_order = floor.place(trader, "BUY", "LIMIT", quantity="1", price="98")
    closed = [floor.place(trader, "BUY", "LIMIT", quantity="1", price="98", timeInForce="IOC") for _ in range(4)]
    assert list(floor.exchange.orders.values()) == [open_order, *closed[2:]]
    assert floor.exchange.find(trader.account_id, "BTCUSDT", None, closed[0].client_order_id) is None
