"""Each limit by a table: what is let through, what is denied, and with which code."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_gateway.control import AccountControl, AccountLimits, Control, Limits, Trading
from stockade_gateway.filters import OrderRequest
from stockade_gateway.limits import Snapshot, SymbolView, find_breach, find_denial, is_reducing
from tests.support.gateway_orders import BTCUSDT

VIEW = SymbolView(rules=BTCUSDT, bid=Decimal(100), ask=Decimal(101), mark=Decimal("100.5"))


def make_control(
    limits: Limits | None = None, trading: Trading = Trading.ACTIVE, account: AccountControl | None = None
) -> Control:
    return Control(generation=1, trading=trading, limits_or_none=limits, account=account or AccountControl())


def make_snapshot(control: Control | None = None, view: SymbolView = VIEW, **fields: object) -> Snapshot:
    snapshot = Snapshot(
        control=control or make_control(),
        control_error=None,
        reconciling=None,
        symbols={"BTCUSDT": view},
        open_orders=0,
        orders_last_minute=0,
        day_result=Decimal(0),
    )
    return msgspec.structs.replace(snapshot, **fields)


def limit_order(quantity: str = "1", price: str = "100", side: str = "BUY") -> OrderRequest:
    return OrderRequest(symbol="BTCUSDT", side=side, type="LIMIT", quantity=Decimal(quantity), price=Decimal(price))


def market_order(quantity: str = "1", side: str = "BUY") -> OrderRequest:
    return OrderRequest(symbol="BTCUSDT", side=side, type="MARKET", quantity=Decimal(quantity))


def view_with(**fields: object) -> SymbolView:
    return msgspec.structs.replace(VIEW, **fields)


def code_of(order: OrderRequest, snapshot: Snapshot) -> str | None:
    denial = find_denial(order, snapshot)
    return denial.code if denial else None


def test_without_limits_a_sound_order_passes() -> None:
    assert find_denial(limit_order(), make_snapshot()) is None
    assert find_denial(market_order(), make_snapshot()) is None


@pytest.mark.parametrize(
    ("limits", "order", "view", "code"),
    [
        (Limits(max_order_notional=Decimal(100)), limit_order("1", "99"), VIEW, "NOTIONAL_EXCEEDS_MAX_PER_ORDER"),
        (Limits(max_order_notional=Decimal(101)), limit_order("1", "100"), VIEW, None),
        (Limits(max_order_notional=Decimal(100)), market_order("1"), VIEW, "NOTIONAL_EXCEEDS_MAX_PER_ORDER"),
        (Limits(max_position_notional=Decimal(150)), market_order("1"), VIEW, None),
        (
            Limits(max_position_notional=Decimal(150)),
            market_order("1"),
            view_with(position=Decimal(1)),
            "POSITION_EXCEEDS_MAX",
        ),
        (
            Limits(max_position_notional=Decimal(150)),
            market_order("1"),
            view_with(open_buys=Decimal(1)),
            "POSITION_EXCEEDS_MAX",
        ),
        (Limits(max_position_notional=Decimal(1)), market_order("1", "SELL"), view_with(position=Decimal(1)), None),
        (Limits(max_position_notional=Decimal(150)), market_order("2", "SELL"), VIEW, "POSITION_EXCEEDS_MAX"),
        (Limits(price_band_percent=Decimal(5)), limit_order("1", "95"), VIEW, "PRICE_OUTSIDE_BAND"),
        (Limits(price_band_percent=Decimal(5)), limit_order("1", "106"), VIEW, "PRICE_OUTSIDE_BAND"),
        (Limits(price_band_percent=Decimal(5)), limit_order("1", "96"), VIEW, None),
        (Limits(price_band_percent=Decimal(5)), limit_order(), view_with(bid=None, ask=None), "NO_PRICE"),
        (Limits(max_daily_loss=Decimal(0)), limit_order(), VIEW, "DAILY_LOSS_EXCEEDED"),
        (Limits(max_order_notional=Decimal(1000), quote_asset="EUR"), limit_order(), VIEW, "SYMBOL_NOT_ALLOWED"),
    ],
)
def test_money_limits(limits: Limits, order: OrderRequest, view: SymbolView, code: str | None) -> None:
    assert code_of(order, make_snapshot(make_control(limits), view)) == code


def test_counts_are_denied_at_their_limit() -> None:
    control = make_control(Limits(max_open_orders=2, max_orders_per_minute=3))
    assert code_of(limit_order(), make_snapshot(control, open_orders=1, orders_last_minute=2)) is None
    assert code_of(limit_order(), make_snapshot(control, open_orders=2)) == "TOO_MANY_OPEN_ORDERS"
    assert code_of(limit_order(), make_snapshot(control, orders_last_minute=3)) == "RATE_LIMIT_EXCEEDED"


def test_a_days_loss_stops_new_risk_but_not_the_way_out() -> None:
    control = make_control(Limits(max_daily_loss=Decimal(50)))
    long = view_with(position=Decimal(1))
    assert code_of(limit_order(), make_snapshot(control, long, day_result=Decimal(-49))) is None
    lost = make_snapshot(control, long, day_result=Decimal(-50))
    assert code_of(limit_order(), lost) == "DAILY_LOSS_EXCEEDED"
    assert code_of(limit_order(side="SELL"), lost) is None
    assert code_of(limit_order(), make_snapshot(control, long, day_result=None)) == "NO_PRICE"
    assert find_breach(lost) == "maxDailyLoss"


@pytest.mark.parametrize(
    ("own", "account", "code"),
    [
        (Trading.HALTED, Trading.ACTIVE, "TRADING_HALTED"),
        (Trading.ACTIVE, Trading.HALTED, "TRADING_HALTED"),
        (Trading.REDUCING, Trading.ACTIVE, "TRADING_REDUCING"),
        (Trading.ACTIVE, Trading.REDUCING, "TRADING_REDUCING"),
        (Trading.ACTIVE, Trading.ACTIVE, None),
    ],
)
def test_the_stricter_switch_holds(own: Trading, account: Trading, code: str | None) -> None:
    control = make_control(trading=own, account=AccountControl(trading=account))
    assert code_of(limit_order(), make_snapshot(control)) == code


def test_reducing_lets_only_the_way_out_through() -> None:
    control = make_control(trading=Trading.REDUCING)
    long = view_with(position=Decimal(1))
    assert code_of(limit_order("1", "110", "SELL"), make_snapshot(control, long)) is None
    assert code_of(limit_order("1.1", "110", "SELL"), make_snapshot(control, long)) == "TRADING_REDUCING"
    twice = view_with(position=Decimal(1), open_sells=Decimal("0.5"))
    assert code_of(limit_order("1", "110", "SELL"), make_snapshot(control, twice)) == "TRADING_REDUCING"
    short = view_with(position=Decimal(-1))
    assert code_of(limit_order("1", "90", "BUY"), make_snapshot(control, short)) is None


def test_the_accounts_limits_have_a_code_of_their_own() -> None:
    account = AccountControl(limits=AccountLimits(max_exposure=Decimal(90)))
    assert code_of(limit_order(), make_snapshot(make_control(account=account))) == "ACCOUNT_LIMIT_EXCEEDED"
    account = AccountControl(limits=AccountLimits(max_daily_loss=Decimal(10)))
    snapshot = make_snapshot(make_control(account=account), day_result=Decimal(-10))
    assert code_of(limit_order(), snapshot) == "ACCOUNT_LIMIT_EXCEEDED"


def test_what_is_not_known_is_denied() -> None:
    assert code_of(limit_order(), make_snapshot(reconciling="the connection is lost")) == "RECONCILING"
    unreadable = msgspec.structs.replace(make_snapshot(), control=None, control_error="no file")
    assert code_of(limit_order(), unreadable) == "CONTROL_UNREADABLE"
    assert code_of(market_order(), make_snapshot(view=view_with(ask=None))) == "NO_PRICE"
    assert code_of(limit_order(), make_snapshot(symbols={})) == "SYMBOL_NOT_ALLOWED"
    assert code_of(limit_order(), make_snapshot(view=view_with(allowed=False))) == "SYMBOL_NOT_ALLOWED"


@pytest.mark.parametrize(
    "order",
    [
        OrderRequest(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=Decimal(1)),
        OrderRequest(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal(1), price=Decimal(1)),
        OrderRequest(symbol="BTCUSDT", side="BUY", type="STOP_LOSS", quantity=Decimal(1)),
        OrderRequest(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal(0)),
        OrderRequest(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal(1), time_in_force="GTC"),
    ],
)
def test_orders_of_the_wrong_shape_are_invalid(order: OrderRequest) -> None:
    assert code_of(order, make_snapshot()) == "INVALID_ORDER"


AMOUNTS = st.integers(min_value=-50, max_value=50).map(lambda n: Decimal(n) / 10)
SIZES = st.integers(min_value=1, max_value=50).map(lambda n: Decimal(n) / 10)


@given(AMOUNTS, SIZES, SIZES, st.sampled_from(["BUY", "SELL"]))
def test_a_reducing_order_never_enlarges_a_position(
    position: Decimal, pending: Decimal, size: Decimal, side: str
) -> None:
    view = view_with(position=position, open_buys=pending, open_sells=pending)
    order = market_order(str(size), side)
    if is_reducing(order, view):
        signed = pending + size if side == "BUY" else -pending - size
        assert abs(position + signed) <= abs(position)
        assert (position + signed) * position >= 0


@given(st.lists(st.tuples(SIZES, st.sampled_from(["BUY", "SELL"])), max_size=20))
def test_no_sequence_of_orders_passes_the_position_limit(orders: list[tuple[Decimal, str]]) -> None:
    control = make_control(Limits(max_position_notional=Decimal(1000)))
    view = VIEW
    for size, side in orders:
        if find_denial(limit_order(str(size), "100", side), make_snapshot(control, view)) is None:
            field = "open_buys" if side == "BUY" else "open_sells"
            view = msgspec.structs.replace(view, **{field: getattr(view, field) + size})
    assert view.worst_position * Decimal(100) <= Decimal(1000)


def test_a_trailing_stop_is_valued_where_it_may_fire() -> None:
    control = make_control(Limits(max_order_notional=Decimal("101.5")))
    trailing = OrderRequest(symbol="BTCUSDT", side="BUY", type="STOP_LOSS", quantity=Decimal(1), trailing_delta=40)
    assert code_of(trailing, make_snapshot(control)) is None
    further = msgspec.structs.replace(trailing, trailing_delta=60)
    assert code_of(further, make_snapshot(control)) == "NOTIONAL_EXCEEDS_MAX_PER_ORDER"
    # Going down it fires below the market: the market's price is the highest it can get.
    selling = msgspec.structs.replace(further, side="SELL")
    assert code_of(selling, make_snapshot(control)) is None
    assert code_of(trailing, make_snapshot(control, view_with(ask=None))) == "NO_PRICE"
