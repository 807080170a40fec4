"""Each limit by a table: what is let through, what is denied, and with which code."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_gateway.control import AccountControl, AccountLimits, Control, Limits, Trading, parse_control
from stockade_gateway.filters import OrderRequest
from stockade_gateway.held_lease import Share
from stockade_gateway.limits import (
    Denial,
    Snapshot,
    SymbolView,
    compute_exposure,
    find_breach,
    find_denial,
    is_reducing,
)
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


def make_request(type_: str, quantity: str = "1", side: str = "BUY", **fields: object) -> OrderRequest:
    """Return an order as it comes over the socket: its words are equal to ours and not the same objects."""
    values = {"symbol": "BTCUSDT", "side": side, "type": type_, "quantity": quantity, **fields}
    return msgspec.json.decode(msgspec.json.encode(values), type=OrderRequest)


def limit_order(quantity: str = "1", price: str = "100", side: str = "BUY") -> OrderRequest:
    return make_request("LIMIT", quantity, side, price=price)


def market_order(quantity: str = "1", side: str = "BUY") -> OrderRequest:
    return make_request("MARKET", quantity, side)


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
    assert code_of(limit_order("1.1", "90", "BUY"), make_snapshot(control, short)) == "TRADING_REDUCING"
    for side, view in (("SELL", long), ("BUY", short)):
        assert code_of(limit_order("0.4", "100", side), make_snapshot(control, view)) is None


def test_the_accounts_limits_have_a_code_of_their_own() -> None:
    account = AccountControl(limits=AccountLimits(max_exposure=Decimal(90)))
    assert code_of(limit_order(), make_snapshot(make_control(account=account))) == "ACCOUNT_LIMIT_EXCEEDED"
    account = AccountControl(limits=AccountLimits(max_daily_loss=Decimal(10)))
    snapshot = make_snapshot(make_control(account=account), day_result=Decimal(-10))
    assert code_of(limit_order(), snapshot) == "ACCOUNT_LIMIT_EXCEEDED"


def test_what_is_not_known_is_denied() -> None:
    assert code_of(limit_order(), make_snapshot(reconciling="the connection is lost")) == "RECONCILING"
    unreadable = msgspec.structs.replace(make_snapshot(), control=None, control_error="no file")
    assert find_denial(limit_order(), unreadable) == Denial("CONTROL_UNREADABLE", "no file")
    assert code_of(market_order(), make_snapshot(view=view_with(ask=None))) == "NO_PRICE"
    assert code_of(limit_order(), make_snapshot(symbols={})) == "SYMBOL_NOT_ALLOWED"
    assert code_of(limit_order(), make_snapshot(view=view_with(allowed=False))) == "SYMBOL_NOT_ALLOWED"


@pytest.mark.parametrize(
    "order",
    [
        make_request("LIMIT"),
        make_request("MARKET", price="1"),
        make_request("STOP_LOSS"),
        make_request("MARKET", "0"),
        make_request("MARKET", time_in_force="GTC"),
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
    trailing = make_request("STOP_LOSS", trailing_delta=40)
    assert code_of(trailing, make_snapshot(control)) is None
    further = msgspec.structs.replace(trailing, trailing_delta=60)
    assert code_of(further, make_snapshot(control)) == "NOTIONAL_EXCEEDS_MAX_PER_ORDER"
    # Going down it fires below the market: the market's price is the highest it can get.
    selling = msgspec.structs.replace(further, side="SELL")
    assert code_of(selling, make_snapshot(control)) is None
    assert code_of(trailing, make_snapshot(control, view_with(ask=None))) == "NO_PRICE"
    # 50 basis points above 101, to the last digit.
    half = msgspec.structs.replace(trailing, trailing_delta=50)
    for limit, code in (("101.505", None), ("101.50499", "NOTIONAL_EXCEEDS_MAX_PER_ORDER")):
        assert code_of(half, make_snapshot(make_control(Limits(max_order_notional=Decimal(limit))))) == code


# --- Each limit to its last digit, and every order's price ------------------------------------------------------------

LEVEL = view_with(bid=Decimal(100), ask=Decimal(100), mark=Decimal(100))
DEAR = view_with(mark=Decimal(200))
LONG, SHORT = (msgspec.structs.replace(LEVEL, position=Decimal(held)) for held in (1, -1))


@pytest.mark.parametrize(
    ("limits", "order", "view", "code"),
    [
        (Limits(price_band_percent=Decimal(5)), limit_order(price="105"), LEVEL, None),
        (Limits(price_band_percent=Decimal(5)), limit_order(price="105.01"), LEVEL, "PRICE_OUTSIDE_BAND"),
        (Limits(price_band_percent=Decimal(5)), limit_order(price="95"), LEVEL, None),
        (Limits(price_band_percent=Decimal(5)), limit_order(price="94.99"), LEVEL, "PRICE_OUTSIDE_BAND"),
        # From the middle of the quote, 100.5.
        (Limits(price_band_percent=Decimal(1)), limit_order(price="101.5"), VIEW, None),
        (Limits(price_band_percent=Decimal(1)), limit_order(price="101.51"), VIEW, "PRICE_OUTSIDE_BAND"),
        (Limits(price_band_percent=Decimal(5)), limit_order(), view_with(bid=None), "NO_PRICE"),
        (Limits(price_band_percent=Decimal(5)), limit_order(), view_with(ask=None), "NO_PRICE"),
        # A stop order's limit is measured from its own trigger.
        (
            Limits(price_band_percent=Decimal(5)),
            make_request("STOP_LOSS_LIMIT", price="126", stop_price="120"),
            LEVEL,
            None,
        ),
        (
            Limits(price_band_percent=Decimal(5)),
            make_request("STOP_LOSS_LIMIT", price="126.01", stop_price="120"),
            LEVEL,
            "PRICE_OUTSIDE_BAND",
        ),
        (Limits(max_order_notional=Decimal(150)), make_request("STOP_LOSS", stop_price="150"), LEVEL, None),
        (
            Limits(max_order_notional=Decimal(150)),
            make_request("STOP_LOSS", stop_price="150.01"),
            LEVEL,
            "NOTIONAL_EXCEEDS_MAX_PER_ORDER",
        ),
        # Without a quote an order's own price is what it is worth, and a sale's market is the bid.
        (Limits(max_order_notional=Decimal(100)), limit_order(), view_with(bid=None, ask=None), None),
        (Limits(max_order_notional=Decimal(100)), market_order(side="SELL"), view_with(ask=None), None),
        (Limits(max_order_notional=Decimal(99)), limit_order(), view_with(ask=None), "NOTIONAL_EXCEEDS_MAX_PER_ORDER"),
        (Limits(), market_order(side="SELL"), view_with(bid=None), "NO_PRICE"),
        (Limits(), market_order(), view_with(bid=None), None),
        (Limits(), make_request("STOP_LOSS", stop_price="120"), view_with(ask=None), None),
        (Limits(), limit_order(price="100.001"), LEVEL, "FILTER_VIOLATED"),
        (Limits(), market_order("0.04"), LEVEL, "FILTER_VIOLATED"),
        (Limits(max_position_notional=Decimal(300)), market_order("3"), LEVEL, None),
        (Limits(max_position_notional=Decimal("299.99")), market_order("3"), LEVEL, "POSITION_EXCEEDS_MAX"),
        # What is held is worth its mark, where that is higher than the order's price.
        (Limits(max_position_notional=Decimal(199)), limit_order(), DEAR, "POSITION_EXCEEDS_MAX"),
        (Limits(max_position_notional=Decimal(101)), market_order(), view_with(mark=None), None),
        (Limits(max_position_notional=Decimal(202)), market_order(), view_with(position=Decimal(1)), None),
        # A sale beyond what is held: 2 short in the end.
        (Limits(max_position_notional=Decimal(200)), market_order("3", "SELL"), LONG, None),
        (Limits(max_position_notional=Decimal(199)), market_order("3", "SELL"), LONG, "POSITION_EXCEEDS_MAX"),
        (Limits(max_position_notional=Decimal(199)), market_order("1", "SELL"), SHORT, "POSITION_EXCEEDS_MAX"),
        # A purchase is worth the ask, a sale the bid.
        (Limits(max_order_notional=Decimal(100)), market_order(), VIEW, "NOTIONAL_EXCEEDS_MAX_PER_ORDER"),
        (Limits(max_order_notional=Decimal(100)), market_order(side="SELL"), VIEW, None),
    ],
)  # fmt: skip
def test_the_last_digit_that_passes(limits: Limits, order: OrderRequest, view: SymbolView, code: str | None) -> None:
    assert code_of(order, make_snapshot(make_control(limits), view)) == code


def test_what_stands_beyond_a_lowered_limit_is_denied_as_well() -> None:
    control = make_control(Limits(max_open_orders=2, max_orders_per_minute=3))
    assert code_of(limit_order(), make_snapshot(control, open_orders=9)) == "TOO_MANY_OPEN_ORDERS"
    assert code_of(limit_order(), make_snapshot(control, orders_last_minute=9)) == "RATE_LIMIT_EXCEEDED"
    control = make_control(Limits(max_daily_loss=Decimal(50)))
    assert code_of(limit_order(), make_snapshot(control, day_result=Decimal(-51))) == "DAILY_LOSS_EXCEEDED"
    # The earnings of a day are no loss.
    assert code_of(limit_order(), make_snapshot(control, day_result=Decimal(51))) is None


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"maxOrderNotional": "1000"}, "SYMBOL_NOT_ALLOWED"),
        ({"maxPositionNotional": "1000"}, "SYMBOL_NOT_ALLOWED"),
        ({"maxDailyLoss": "1000"}, "SYMBOL_NOT_ALLOWED"),
        # What is not about money holds for every symbol.
        ({"maxOpenOrders": 5, "priceBandPercent": "5"}, None),
    ],
)
def test_limits_in_another_asset_allow_nothing_that_they_can_not_measure(
    limits: dict[str, object], code: str | None
) -> None:
    for asset, expected in (("EUR", code), ("ZAR", code), ("USDT", None)):
        text = {"generation": 1, "trading": "Active", "limits": {**limits, "quoteAsset": asset}}
        assert code_of(limit_order(), make_snapshot(parse_control(msgspec.json.encode(text)))) == expected


# --- The share of the account's limits --------------------------------------------------------------------------------

ACCOUNT = AccountControl(limits=AccountLimits(max_exposure=Decimal(1000), max_daily_loss=Decimal(100)))


def shared(share: Share | None, view: SymbolView = LEVEL, **fields: object) -> Snapshot:
    return make_snapshot(make_control(account=ACCOUNT), view, share=share, **fields)


def test_the_accounts_limits_in_another_asset_allow_nothing() -> None:
    share = Share(error=None, exposure=Decimal(1000))
    for asset, code in (("EUR", "SYMBOL_NOT_ALLOWED"), ("USDT", None)):
        text = {"generation": 1, "trading": "Active", "account": {"limits": {"maxExposure": "1", "quoteAsset": asset}}}
        control = parse_control(msgspec.json.encode(text))
        assert code_of(limit_order(), make_snapshot(control, share=share)) == code


def test_a_share_of_exposure_is_used_up_to_its_last_digit() -> None:
    order = market_order("3")
    assert code_of(order, shared(Share(error=None))) is None
    assert code_of(order, shared(Share(error=None, exposure=Decimal(300)))) is None
    assert code_of(order, shared(Share(error=None, exposure=Decimal(301)))) is None
    denial = find_denial(order, shared(Share(error=None, exposure=Decimal(299))))
    assert denial is not None
    assert (denial.code, denial.wants_share, denial.wanted_exposure) == ("ACCOUNT_LIMIT_EXCEEDED", True, Decimal(300))


def test_a_share_of_loss_is_used_up_to_its_last_digit() -> None:
    share = Share(error=None, loss=Decimal(40))
    assert code_of(limit_order(), shared(share, day_result=Decimal("-39.99"))) is None
    denial = find_denial(limit_order(), shared(share, day_result=Decimal(-40)))
    assert denial is not None
    # More of the account's limits would not help: the loss is everybody's.
    assert (denial.code, denial.wants_share) == ("ACCOUNT_LIMIT_EXCEEDED", False)
    assert code_of(limit_order(), shared(share, day_result=Decimal(-41))) == "ACCOUNT_LIMIT_EXCEEDED"
    assert code_of(limit_order(), shared(share, day_result=None)) == "NO_PRICE"
    assert code_of(limit_order(), shared(Share(error=None), day_result=None)) is None


def test_a_share_of_orders_bounds_an_account_without_limits_too() -> None:
    share = Share(error=None, orders=2)
    assert code_of(limit_order(), make_snapshot(share=share, orders_last_ten_seconds=1)) is None
    for count in (2, 3):
        denial = find_denial(limit_order(), make_snapshot(share=share, orders_last_ten_seconds=count))
        assert denial is not None
        assert (denial.code, denial.wants_share, denial.wanted_exposure) == ("RATE_LIMIT_EXCEEDED", True, None)
    for orders, code in ((1, None), (0, "RATE_LIMIT_EXCEEDED")):
        assert code_of(limit_order(), make_snapshot(share=Share(error=None, orders=orders))) == code
    assert code_of(limit_order(), make_snapshot(share=Share(error=None), orders_last_ten_seconds=9)) is None


def test_without_a_valid_share_only_the_way_out_is_open() -> None:
    long = msgspec.structs.replace(LEVEL, position=Decimal(1))
    for share in (None, Share(error="the account gateway does not answer")):
        assert code_of(market_order(), shared(share, long)) == "ACCOUNT_LIMIT_EXCEEDED"
        assert code_of(market_order(side="SELL"), shared(share, long)) is None
    # Where the account has no limits, nothing of the share's but the orders counts.
    assert code_of(market_order(), make_snapshot(view=long, share=Share(error="no answer"))) is None


# --- What is told of where the algorithm stands -----------------------------------------------------------------------


def test_exposure_is_that_of_all_symbols() -> None:
    flat, held = view_with(mark=None), msgspec.structs.replace(LEVEL, position=Decimal(-2), open_buys=Decimal(1))
    assert compute_exposure({"A": flat, "B": held, "C": held}) == 400
    assert compute_exposure({"B": msgspec.structs.replace(held, open_sells=Decimal(1))}) == 300
    assert compute_exposure({"B": msgspec.structs.replace(held, open_sells=Decimal(1))}, position_only=True) == 200
    assert compute_exposure({"A": msgspec.structs.replace(held, mark=None), "B": held}) is None


def test_an_order_is_denied_when_another_position_can_not_be_valued() -> None:
    other = view_with(position=Decimal(1), mark=None)
    symbols = {"BTCUSDT": LEVEL, "ETHUSDT": other}
    limited = make_snapshot(make_control(Limits(max_position_notional=Decimal(1000))), symbols=symbols)
    assert code_of(limit_order(), limited) == "NO_PRICE"
    assert code_of(limit_order(), shared(Share(error=None, exposure=Decimal(900)), symbols=symbols)) == "NO_PRICE"


def test_a_breach_is_named_by_the_limit_that_is_passed() -> None:
    limits = Limits(max_daily_loss=Decimal(50), max_position_notional=Decimal(200))
    two, three = (msgspec.structs.replace(LEVEL, position=Decimal(held)) for held in (2, 3))
    control = make_control(limits, account=ACCOUNT)
    share = Share(error=None, exposure=Decimal(100), loss=Decimal(10))
    assert find_breach(make_snapshot(control, two, day_result=Decimal(-49))) is None
    assert find_breach(make_snapshot(control, three, day_result=Decimal(-50))) == "maxDailyLoss"
    assert find_breach(make_snapshot(control, three, day_result=None)) == "maxPositionNotional"
    assert find_breach(make_snapshot(control, two, share=share, day_result=Decimal(-10))) == "account maxDailyLoss"
    assert find_breach(make_snapshot(control, two, share=share)) == "account maxExposure"
    # A share is nothing to be beyond of where the account has no limits, or nothing can be read.
    assert find_breach(make_snapshot(make_control(limits), two, share=share)) is None
    assert find_breach(make_snapshot(control, three, day_result=Decimal(-50), control_error="no file")) is not None
    unreadable = msgspec.structs.replace(make_snapshot(control, three), control=None)
    assert find_breach(unreadable) is None


def test_what_was_decided_on_can_not_be_changed_afterwards() -> None:
    records: list[tuple[msgspec.Struct, str]] = [
        (VIEW, "position"), (make_snapshot(), "open_orders"), (Denial("NO_PRICE", ""), "code"),
    ]  # fmt: skip
    for record, name in records:
        with pytest.raises(AttributeError):
            setattr(record, name, None)
