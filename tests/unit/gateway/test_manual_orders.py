"""A manual order's life: the switch, and reports that come twice, late or never."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from stockade_gateway.account.errors import RequestError
from stockade_gateway.account.manual_orders import (
    ManualOrder,
    Report,
    advance,
    client_order_id_of_event,
    make_event_row,
    read_answer,
    read_event,
    read_fill_of_event,
    read_fills_of_answer,
    refuse_order,
    restore_order,
)
from stockade_gateway.control import Trading

_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_ORDER = ManualOrder(
    client_order_id="skm-1",
    symbol="BTCUSDT",
    side="BUY",
    type="LIMIT",
    time_in_force="GTC",
    quantity=Decimal(2),
    price=Decimal(100),
    stop_price=None,
    made_time=_TIME,
)


def _report(state: str, filled: str = "0") -> Report:
    return Report(state, Decimal(filled), Decimal(filled) * 100, 7, _TIME)


def _advance_all(*reports: Report) -> list[tuple[int, str, Decimal]]:
    order, steps = _ORDER, []
    for report in reports:
        moved = advance(order, report)
        if moved is not None:
            order = moved
            steps.append((order.sequence, order.state, order.filled_quantity))
    return steps


def test_each_report_is_one_step() -> None:
    assert _advance_all(_report("ACCEPTED"), _report("PARTIALLY_FILLED", "1"), _report("FILLED", "2")) == [
        (1, "ACCEPTED", Decimal(0)),
        (2, "PARTIALLY_FILLED", Decimal(1)),
        (3, "FILLED", Decimal(2)),
    ]


def test_what_is_told_twice_counts_once() -> None:
    assert _advance_all(_report("ACCEPTED"), _report("ACCEPTED"), _report("FILLED", "2"), _report("FILLED", "2")) == [
        (1, "ACCEPTED", Decimal(0)),
        (2, "FILLED", Decimal(2)),
    ]


def test_late_news_undo_nothing() -> None:
    assert _advance_all(_report("PARTIALLY_FILLED", "1.5"), _report("ACCEPTED"), _report("PARTIALLY_FILLED", "1")) == [
        (1, "PARTIALLY_FILLED", Decimal("1.5"))
    ]
    assert _advance_all(_report("CANCELED", "1"), _report("FILLED", "2")) == [(1, "CANCELED", Decimal(1))]


def test_a_cancel_keeps_what_was_filled_before() -> None:
    assert _advance_all(_report("PARTIALLY_FILLED", "1"), _report("CANCELED", "0"))[-1] == (2, "CANCELED", Decimal(1))


def test_an_order_comes_back_from_its_row() -> None:
    moved = advance(_ORDER, _report("ACCEPTED"))
    assert moved is not None
    assert restore_order(make_event_row(moved, "main", _TIME, _TIME)) == moved


@pytest.mark.parametrize(
    ("trading", "side", "code"),
    [
        (Trading.HALTED, "SELL", "TRADING_HALTED"),
        (Trading.REDUCING, "BUY", "TRADING_REDUCING"),
        (None, "SELL", "CONTROL_UNREADABLE"),
    ],
)
def test_the_switch_refuses(trading: Trading | None, side: str, code: str) -> None:
    with pytest.raises(RequestError) as refusal:
        refuse_order(trading, side)
    assert (refusal.value.status, refusal.value.code) == (409, code)


def test_the_switch_lets_through() -> None:
    refuse_order(Trading.ACTIVE, "BUY")
    refuse_order(Trading.REDUCING, "SELL")


_EVENT: dict[str, Any] = {
    "e": "executionReport",
    "c": "cancel-1",
    "C": "skm-1",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "z": "0.5",
    "Z": "50",
    "i": 7,
    "t": 11,
    "L": "100",
    "l": "0.5",
    "n": "0.0005",
    "N": "BTC",
    "m": True,
    "T": 1767225600000,
}


def test_an_events_order_is_the_one_that_was_placed() -> None:
    assert client_order_id_of_event(_EVENT) == "skm-1"
    assert client_order_id_of_event({**_EVENT, "C": ""}) == "cancel-1"


def test_an_event_is_read() -> None:
    assert read_event(_EVENT) == Report("PARTIALLY_FILLED", Decimal("0.5"), Decimal(50), 7, _TIME, None)
    assert read_event({**_EVENT, "X": "EXPIRED_IN_MATCH", "r": "WOULD"}).state == "EXPIRED"
    assert read_event({**_EVENT, "X": "ANSWERED_TOMORROW"}).state == "ACCEPTED"
    fill = read_fill_of_event(_ORDER, "main", _EVENT)
    assert fill is not None
    assert (fill.trade_id, fill.quote_quantity, fill.commission_asset, fill.is_maker) == (11, Decimal(50), "BTC", True)
    assert read_fill_of_event(_ORDER, "main", {**_EVENT, "x": "NEW"}) is None


def test_an_answer_and_its_event_tell_the_same_fill() -> None:
    answer = {
        "orderId": 7,
        "transactTime": 1767225600000,
        "status": "PARTIALLY_FILLED",
        "executedQty": "0.5",
        "cummulativeQuoteQty": "50",
        "fills": [
            {"tradeId": 11, "price": "100", "qty": "0.5", "commission": "0.0005", "commissionAsset": "BTC"},
        ],
    }
    assert read_answer(answer) == read_event(_EVENT)
    assert read_fills_of_answer(_ORDER, "main", answer) == [read_fill_of_event(_ORDER, "main", {**_EVENT, "m": False})]


def test_an_order_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        replace(_ORDER, quantity=Decimal(0))
