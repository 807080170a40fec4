"""The exchange's filters, against a set as the exchange publishes it."""

from decimal import Decimal

import pytest

from stockade_gateway.filters import OrderRequest, find_filter_fault, parse_instrument_rules, round_down
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
