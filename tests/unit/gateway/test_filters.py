"""The exchange's filters, against a set as the exchange publishes it."""

from decimal import Decimal

import msgspec
import pytest

from stockade_gateway.filters import (
    ListRequest,
    OrderRequest,
    find_filter_fault,
    find_list_fault,
    find_shape_fault,
    parse_instrument_rules,
    round_down,
)
from tests.support.gateway_orders import BTCUSDT

SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00", "stepSize": "0.00001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "100", "stepSize": "0"},
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 20,
            "maxTrailingBelowDelta": 1000,
        },
    ],
}


def test_published_filters_are_read() -> None:
    assert parse_instrument_rules(SYMBOL) == BTCUSDT


@pytest.mark.parametrize(
    ("quantity", "price", "fault"),
    [
        ("0.1", "100.01", None),
        ("0.1", "100.005", "tick size"),
        ("0.1", "1000000.01", "above"),
        ("0.000001", "100000", "LOT_SIZE"),
        ("0.100001", "100", "step size"),
        ("9001", "1", "LOT_SIZE"),
        ("0.04", "100", "NOTIONAL"),
        ("0.05", "100", None),
        ("9000", "1001", "NOTIONAL"),
    ],
)
def test_limit_orders_are_measured(quantity: str, price: str, fault: str | None) -> None:
    order = OrderRequest(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=Decimal(quantity), price=Decimal(price))
    found = find_filter_fault(order, BTCUSDT, None)
    assert (found is None) if fault is None else (found is not None and fault in found)


def test_market_orders_have_their_own_lot_size() -> None:
    order = OrderRequest(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal(101))
    assert "MARKET_LOT_SIZE" in (find_filter_fault(order, BTCUSDT, Decimal(100)) or "")


def test_a_symbol_that_does_not_trade_takes_no_order() -> None:
    halted = parse_instrument_rules(SYMBOL | {"status": "HALT"})
    order = OrderRequest(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=Decimal(1), price=Decimal(100))
    assert "HALT" in (find_filter_fault(order, halted, None) or "")


@pytest.mark.parametrize(
    ("quantity", "step", "rounded"), [("1.23456789", "0.001", "1.234"), ("0.0009", "0.001", "0"), ("7", "0", "7")]
)
def test_rounding_goes_down_to_the_step(quantity: str, step: str, rounded: str) -> None:
    assert round_down(Decimal(quantity), Decimal(step)) == Decimal(rounded)


def trailing_order(type_: str, side: str, delta: int) -> OrderRequest:
    return OrderRequest(symbol="BTCUSDT", side=side, type=type_, quantity=Decimal(1), trailing_delta=delta)


@pytest.mark.parametrize(
    ("type_", "side", "least", "most"),
    [
        ("STOP_LOSS", "BUY", 10, 2000),
        ("TAKE_PROFIT", "SELL", 10, 2000),
        ("STOP_LOSS", "SELL", 20, 1000),
        ("TAKE_PROFIT", "BUY", 20, 1000),
    ],
)
def test_trailing_deltas_are_bounded_by_where_the_order_fires(type_: str, side: str, least: int, most: int) -> None:
    for delta in (least, most):
        assert find_filter_fault(trailing_order(type_, side, delta), BTCUSDT, None) is None
    for delta in (least - 1, most + 1):
        fault = find_filter_fault(trailing_order(type_, side, delta), BTCUSDT, None)
        assert fault == f"TRAILING_DELTA: trailing_delta {delta} is not between {least} and {most}"
    without = msgspec.structs.replace(BTCUSDT, trailing_above=(0, 0), trailing_below=(0, 0))
    assert find_filter_fault(trailing_order(type_, side, least), without, None) == (
        "TRAILING_DELTA: BTCUSDT takes no trailing orders"
    )


def test_a_stop_needs_a_price_or_a_delta_to_fire_at() -> None:
    stop = trailing_order("STOP_LOSS", "SELL", 50)
    assert find_shape_fault(stop) is None
    assert find_shape_fault(msgspec.structs.replace(stop, stop_price=Decimal(90))) is None
    assert find_shape_fault(msgspec.structs.replace(stop, trailing_delta=None)) == (
        "a STOP_LOSS order needs a stop_price above zero or a trailing_delta"
    )
    assert find_shape_fault(msgspec.structs.replace(stop, type="LIMIT", price=Decimal(9))) == (
        "a LIMIT order takes no trailing_delta"
    )
    limit = msgspec.structs.replace(stop, type="STOP_LOSS_LIMIT")
    assert find_shape_fault(limit) == "a STOP_LOSS_LIMIT order needs a price above zero"
    assert find_shape_fault(msgspec.structs.replace(limit, price=Decimal(89))) is None


def test_a_pair_takes_its_profit_on_one_side_and_stops_its_loss_on_the_other() -> None:
    profit, stop = (trailing_order(type_, "SELL", 50) for type_ in ("TAKE_PROFIT", "STOP_LOSS"))
    assert find_list_fault(ListRequest(above=profit, below=stop)) is None
    assert find_list_fault(ListRequest(above=stop, below=profit)) == (
        "the order above the market of a SELL is one of LIMIT_MAKER, TAKE_PROFIT, TAKE_PROFIT_LIMIT, not STOP_LOSS"
    )
    assert find_list_fault(ListRequest(above=profit, below=profit)) == (
        "the order below the market of a SELL is one of STOP_LOSS, STOP_LOSS_LIMIT, not TAKE_PROFIT"
    )
    buys = [msgspec.structs.replace(order, side="BUY") for order in (stop, profit)]
    assert find_list_fault(ListRequest(above=buys[0], below=buys[1])) is None
    assert find_list_fault(ListRequest(above=buys[1], below=buys[0])) is not None
