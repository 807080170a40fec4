"""Messages in the exchange's own format, as recorded, turned into reports and executions."""

import json
from decimal import Decimal

import msgspec
import pytest

from stockade_gateway.exchange.decode import (
    decode_execution_report,
    market_decoder,
    read_amendment,
    read_order,
    read_orders,
    read_trade,
    websocket_api_decoder,
)

EVENT = {
    "e": "executionReport", "E": 1760000000100, "s": "BTCUSDT", "c": "skabcdefghij-1", "S": "BUY", "o": "LIMIT",
    "f": "GTC", "q": "1.00000000", "p": "100.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "",
    "x": "NEW", "X": "NEW", "r": "NONE", "i": 4293153, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000",
    "n": "0", "N": None, "T": 1760000000099, "t": -1, "I": 8641984, "w": True, "m": False, "M": False,
    "O": 1760000000099, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "W": 1760000000099,
    "V": "EXPIRE_MAKER",
}  # fmt: skip
TRADE = EVENT | {
    "x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.40000000", "z": "0.40000000", "L": "99.50000000",
    "n": "0.00040000", "N": "BTC", "t": 77, "m": True, "Z": "39.80000000", "Y": "39.80000000",
}  # fmt: skip
ORDER = {
    "symbol": "BTCUSDT", "orderId": 4293153, "orderListId": -1, "clientOrderId": "skabcdefghij-1",
    "price": "100.00000000", "origQty": "1.00000000", "executedQty": "0.40000000",
    "cummulativeQuoteQty": "39.80000000", "status": "PARTIALLY_FILLED", "timeInForce": "GTC", "type": "LIMIT",
    "side": "BUY", "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": 1760000000000,
    "updateTime": 1760000000099, "isWorking": True, "workingTime": 1760000000000,
    "origQuoteOrderQty": "0.00000000", "selfTradePreventionMode": "EXPIRE_MAKER",
}  # fmt: skip


def decode(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode()


def test_a_new_order() -> None:
    report = decode_execution_report(decode(EVENT))
    assert (report.client_order_id, report.status, report.executions) == ("skabcdefghij-1", "NEW", ())
    assert (report.quantity, report.price, report.stop_price, report.reason) == (Decimal(1), Decimal(100), None, None)


def test_an_execution_with_commission_in_the_base_asset() -> None:
    (execution,) = decode_execution_report(decode(TRADE)).executions
    assert (execution.trade_id, execution.quantity, execution.price) == (77, Decimal("0.4"), Decimal("99.5"))
    assert (execution.quote_quantity, execution.is_maker) == (Decimal("39.8"), True)
    assert (execution.commission, execution.commission_asset) == (Decimal("0.0004"), "BTC")


def test_a_cancel_names_the_order_in_another_field() -> None:
    report = decode_execution_report(
        decode(EVENT | {"c": "web_9f", "C": "skabcdefghij-1", "x": "CANCELED", "X": "CANCELED"})
    )
    assert (report.client_order_id, report.status) == ("skabcdefghij-1", "CANCELED")


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH", "v": 3}, "EXPIRED_IN_MATCH", "self-trade prevention"),
        ({"x": "EXPIRED", "X": "EXPIRED", "eR": "INSUFFICIENT_LIQUIDITY"}, "EXPIRED", "INSUFFICIENT_LIQUIDITY"),
        ({"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"}, "REJECTED", "INSUFFICIENT_BALANCES"),
    ],
)  # fmt: skip
def test_ends_carry_their_reason_and_no_execution(changes: dict[str, object], status: str, reason: str) -> None:
    report = decode_execution_report(decode(EVENT | changes))
    assert (report.status, report.reason, report.executions) == (status, reason, ())


def test_a_queried_order() -> None:
    report = read_order(ORDER)
    assert (report.executed_quantity, report.status, report.event_time_ms) == (
        Decimal("0.4"),
        "PARTIALLY_FILLED",
        1760000000099,
    )


def test_a_placements_answer_brings_its_executions() -> None:
    fills = [
        {"price": "99.5", "qty": "0.3", "commission": "0.03", "commissionAsset": "USDT", "tradeId": 77},
        {"price": "99.6", "qty": "0.7", "commission": "0.07", "commissionAsset": "USDT", "tradeId": 78},
    ]
    placed = {name: value for name, value in ORDER.items() if name not in ("time", "updateTime")}
    report = read_order(
        placed | {"status": "FILLED", "executedQty": "1", "transactTime": 1760000000005, "fills": fills}
    )
    assert [(fill.trade_id, fill.quantity) for fill in report.executions] == [
        (77, Decimal("0.3")),
        (78, Decimal("0.7")),
    ]
    assert {fill.client_order_id for fill in report.executions} == {"skabcdefghij-1"}


def test_a_cancels_answer_is_about_the_order_cancelled() -> None:
    answer = ORDER | {
        "origClientOrderId": "skabcdefghij-1",
        "clientOrderId": "cancel-9",
        "status": "CANCELED",
        "transactTime": 5,
    }
    assert read_order(answer).client_order_id == "skabcdefghij-1"


def test_a_row_of_my_trades() -> None:
    row = {
        "symbol": "BTCUSDT", "id": 77, "orderId": 4293153, "orderListId": -1, "price": "99.5", "qty": "0.4",
        "quoteQty": "39.8", "commission": "0.0398", "commissionAsset": "USDT", "time": 1760000000099,
        "isBuyer": False, "isMaker": True, "isBestMatch": True,
    }  # fmt: skip
    execution = read_trade(row, "skabcdefghij-1")
    assert (execution.side, execution.trade_id, execution.client_order_id) == ("SELL", 77, "skabcdefghij-1")


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        ("btcusdt@bookTicker", {"u": 4009, "s": "BTCUSDT", "b": "25.35", "B": "31.2", "a": "25.36", "A": "40.6"}),
        ("btcusdt@trade", {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 5, "p": "0.01", "q": "9", "T": 1, "m": True}),
        ("btcusdt@depth20@100ms", {"lastUpdateId": 160, "bids": [["0.0024", "10"]], "asks": [["0.0026", "100"]]}),
        ("btcusdt@kline_1m", {"e": "kline", "E": 1, "s": "BTCUSDT", "k": {
            "t": 1, "T": 2, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200, "o": "1", "c": "2", "h": "3", "l": "0.5",
            "v": "1000", "n": 100, "x": False, "q": "1.0", "V": "500", "Q": "0.5", "B": "0"}}),
    ],
)  # fmt: skip
def test_market_frames(stream: str, data: dict[str, object]) -> None:
    frame = market_decoder.decode(json.dumps({"stream": stream, "data": data}).encode())
    assert frame.stream == stream
    assert frame.data is not None


def test_an_answer_to_a_subscription_is_no_market_data() -> None:
    assert market_decoder.decode(b'{"result":null,"id":1}').data is None


def test_frames_of_the_websocket_api() -> None:
    event = websocket_api_decoder.decode(b'{"subscriptionId":0,"event":{"e":"executionReport"}}')
    assert bytes(event.event) == b'{"e":"executionReport"}'
    error = websocket_api_decoder.decode(b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key."}}')
    assert (error.id, error.status, bytes(error.event)) == (None, 401, b"")
    with pytest.raises(msgspec.MsgspecError):
        websocket_api_decoder.decode(b"<html>410 Gone</html>")


def test_an_amended_order_keeps_its_id_and_says_its_new_quantity() -> None:
    event = decode(EVENT | {"x": "REPLACED", "q": "0.50000000", "C": "skabcdefghij-1"})
    assert decode_execution_report(event).quantity == Decimal("0.5")
    answer = {
        "transactTime": 1760000000100,
        "executionId": 22,
        "amendedOrder": {
            "symbol": "BTCUSDT", "orderId": 4293153, "orderListId": -1, "origClientOrderId": "skabcdefghij-1",
            "clientOrderId": "skabcdefghij-1", "price": "100.00000000", "qty": "0.50000000",
            "executedQty": "0.40000000", "preventedQty": "0.00000000", "quoteOrderQty": "0.00000000",
            "cumulativeQuoteQty": "39.80000000", "status": "PARTIALLY_FILLED", "timeInForce": "GTC", "type": "LIMIT",
            "side": "BUY", "workingTime": 1760000000000, "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    }  # fmt: skip
    report = read_amendment(answer)
    assert (report.client_order_id, report.quantity, report.executed_quantity, report.price) == (
        "skabcdefghij-1", Decimal("0.5"), Decimal("0.4"), Decimal(100),
    )  # fmt: skip
    assert (report.event_time_ms, report.stop_price, report.exchange_order_id) == (1760000000100, None, 4293153)


def test_a_trailing_order_says_by_how_much() -> None:
    assert decode_execution_report(decode(EVENT | {"o": "STOP_LOSS", "d": 150, "D": -1})).trailing_delta == 150
    assert read_order(ORDER | {"trailingDelta": 150, "trailingTime": -1}).trailing_delta == 150
    assert read_order(ORDER).trailing_delta is None


def test_an_answer_about_a_list_has_a_report_of_each_order() -> None:
    answer = {"orderListId": 3, "orderReports": [ORDER, ORDER | {"clientOrderId": "skabcdefghij-2"}]}
    assert [report.client_order_id for report in read_orders(answer)] == ["skabcdefghij-1", "skabcdefghij-2"]
    assert [report.client_order_id for report in read_orders(ORDER)] == ["skabcdefghij-1"]
