"""Filters and parameter checks: each refusal with Binance's exact code and text."""

from typing import Any

import pytest

from stockade_paper.errors import BinanceError
from tests.unit.paper.conftest import Floor

LIMIT = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "99"}
DECIMALS = r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
SYMBOLS = "legal range is '^[A-Z0-9-_.]{1,20}$'."
CLIENT_IDS = "legal range is '^[a-zA-Z0-9-_]{1,36}$'."
NO_SUCH_MODE = "This symbol does not allow the specified self-trade prevention mode."
NO_TRIGGER = "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"
CASES: list[tuple[dict[str, str], int, str]] = [
    ({"price": "99.001"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": "1000001"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": "501"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ({"price": "19.99"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "1.000001"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "9001"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "0.05"}, -1013, "Filter failure: NOTIONAL"),
    ({"icebergQty": "0.001"}, -1013, "Filter failure: ICEBERG_PARTS"),
    ({"price": "1e2"}, -1100, f"Illegal characters found in parameter 'price'; {DECIMALS}"),
    ({"quantity": "-1"}, -1100, f"Illegal characters found in parameter 'quantity'; {DECIMALS}"),
    ({"quantity": "1.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
    ({"price": ""}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
    ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
    ({"type": "LIMITED"}, -1116, "Invalid orderType."),
    ({"side": "LONG"}, -1117, "Invalid side."),
    ({"symbol": "DOGEUSDT"}, -1121, "Invalid symbol."),
    ({"symbol": "btcusdt"}, -1100, f"Illegal characters found in parameter 'symbol'; {SYMBOLS}"),
    ({"newClientOrderId": "a b"}, -1100, f"Illegal characters found in parameter 'newClientOrderId'; {CLIENT_IDS}"),
    ({"stopPrice": "99"}, -1106, "Parameter 'stopPrice' sent when not required."),
    ({"quoteOrderQty": "99"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    ({"selfTradePreventionMode": "MAYBE"}, -1013, NO_SUCH_MODE),
    ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
    ({"type": "STOP_LOSS_LIMIT"}, -1102, NO_TRIGGER),
]
MARKET_CASES: list[tuple[dict[str, str], int, str]] = [
    ({}, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
    ({"quantity": "1", "price": "99"}, -1106, "Parameter 'price' sent when not required."),
    ({"quantity": "1", "quoteOrderQty": "9"}, -1128, "Combination of optional parameters invalid."),
    ({"quantity": "101"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
    ({"quantity": "0.04"}, -1013, "Filter failure: NOTIONAL"),
    ({"quoteOrderQty": "4.99"}, -1013, "Filter failure: NOTIONAL"),
    ({"quantity": "2000"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
]


def refuse(floor: Floor, parameters: dict[str, Any]) -> tuple[int, str]:
    """Place an order that must be refused and return why."""
    trader = floor.open_account(USDT="1000000", BTC="10000")
    values = dict(parameters)
    side, kind = values.pop("side", "BUY"), values.pop("type")
    with pytest.raises(BinanceError) as caught:
        floor.place(trader, side, kind, **values)
    assert caught.value.status == 400
    assert not floor.exchange.open_orders
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(("change", "code", "text"), CASES)
def test_limit_orders(floor: Floor, change: dict[str, str], code: int, text: str) -> None:
    assert refuse(floor, LIMIT | change) == (code, text)


@pytest.mark.parametrize(("parameters", "code", "text"), MARKET_CASES)
def test_market_orders(floor: Floor, parameters: dict[str, str], code: int, text: str) -> None:
    assert refuse(floor, {"type": "MARKET"} | parameters) == (code, text)


def test_numbers_of_open_orders(floor: Floor) -> None:
    trader = floor.open_account(USDT="1000000", BTC="100")
    for _ in range(5):
        floor.place(trader, "SELL", "STOP_LOSS", quantity="1", stopPrice="90")
    with pytest.raises(BinanceError) as caught:
        floor.place(trader, "SELL", "STOP_LOSS", quantity="1", stopPrice="90")
    assert (caught.value.code, caught.value.message) == (-2010, "Filter failure: MAX_NUM_ALGO_ORDERS")
    for _ in range(195):
        floor.place(trader, "BUY", "LIMIT", quantity="0.1", price="98")
    with pytest.raises(BinanceError) as caught:
        floor.place(trader, "BUY", "LIMIT", quantity="0.1", price="98")
    assert (caught.value.code, caught.value.message) == (-2010, "Filter failure: MAX_NUM_ORDERS")


def test_client_order_id_is_unique_among_open_orders_only(floor: Floor) -> None:
    trader = floor.open_account(USDT="1000")
    order = floor.place(trader, "BUY", "LIMIT", quantity="1", price="98", newClientOrderId="mine")
    with pytest.raises(BinanceError, match=r"Duplicate order sent\."):
        floor.place(trader, "BUY", "LIMIT", quantity="1", price="98", newClientOrderId="mine")
    floor.exchange.cancel(order, "cancel")
    again = floor.place(trader, "BUY", "LIMIT", quantity="1", price="98", newClientOrderId="mine")
    assert floor.exchange.find(trader.account_id, "BTCUSDT", None, "mine") is again
