"""Aggregate trades, candles in other time zones, times in microseconds."""

from decimal import Decimal
from typing import Any

import pytest

from stockade_paper.candles import DAY_MS, CandleStore, close_of, open_of, read_time_zone
from stockade_paper.market import Aggregate, Market
from stockade_paper.time_units import to_microseconds, wants_microseconds
from tests.unit.paper.conftest import START_MS, Floor

HOUR_MS = 3_600_000


def test_one_taker_at_one_price_is_one_aggregate(floor: Floor) -> None:
    told: list[Aggregate] = []

    def listen(_market: Market, aggregate: Aggregate) -> None:
        told.append(aggregate)

    floor.market.on_aggregate = listen
    maker, taker = floor.open_account(BTC="20"), floor.open_account(USDT="10000")
    for _ in range(2):
        floor.place(maker, "SELL", "LIMIT", price="100.5", quantity="2")
    floor.place(taker, "BUY", "MARKET", quantity="6")
    assert [(str(each.price), str(each.quantity)) for each in told] == [("100.5", "4"), ("101", "2")]
    assert [each.last_trade_id - each.first_trade_id for each in told] == [1, 0]
    assert told[1].aggregate_id == told[0].aggregate_id + 1
    floor.trade("101", "1", buyer_maker=False)
    assert len(told) == 3, "another taker is another aggregate, even at the same price"
    assert list(floor.market.aggregates)[-3:] == told


@pytest.mark.parametrize(
    ("text", "hours"),
    [("0", 0), ("8", 8), ("+08:00", 8), ("-1:00", -1), ("05:30", 5.5), ("14:00", 14), ("-12:00", -12)],
)
def test_time_zones(text: str, hours: float) -> None:
    assert read_time_zone(text) == hours * HOUR_MS


@pytest.mark.parametrize("text", ["", "x", "15:00", "-12:30", "1:60", "+", "1:0", "111"])
def test_what_is_no_time_zone(text: str) -> None:
    assert read_time_zone(text) is None


def test_days_begin_at_midnight_over_there() -> None:
    midnight = START_MS // DAY_MS * DAY_MS
    assert open_of(midnight + 17 * HOUR_MS, "1d", 8 * HOUR_MS) == midnight + 16 * HOUR_MS
    assert close_of(midnight + 16 * HOUR_MS, "1d", 8 * HOUR_MS) == midnight + 40 * HOUR_MS - 1
    month = open_of(midnight, "1M", 8 * HOUR_MS)
    assert (month + 8 * HOUR_MS) % DAY_MS == 0
    assert close_of(month, "1M", 8 * HOUR_MS) == open_of(close_of(month, "1M", 8 * HOUR_MS) + 1, "1M", 8 * HOUR_MS) - 1


def test_candles_of_another_zone_hold_its_day() -> None:
    store = CandleStore()
    midnight = START_MS // DAY_MS * DAY_MS
    for hour in range(48):
        time_ms = midnight + hour * HOUR_MS
        store.add_trade(time_ms, hour + 1, Decimal(100 + hour), Decimal(1), buyer_maker=False)
    days = store.select("1d", midnight + 47 * HOUR_MS, 10, offset_ms=8 * HOUR_MS)
    assert [(day.open_ms - midnight) // HOUR_MS for day in days] == [-8, 16, 40]
    assert [day.trades for day in days] == [16, 24, 8]


ROW = ["1", "1", "1", "1", "1"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"serverTime": 5}, {"serverTime": 5000}),
        ({"e": "trade", "E": 1, "t": 9, "T": 2, "M": True}, {"e": "trade", "E": 1000, "t": 9, "T": 2000, "M": True}),
        ({"k": {"t": 60, "T": 119, "x": False}}, {"k": {"t": 60_000, "T": 119_999, "x": False}}),
        ({"e": "executionReport", "t": 3, "x": "NEW", "T": 7}, {"e": "executionReport", "t": 3, "x": "NEW", "T": 7000}),
        ({"e": "outboundAccountPosition", "u": 2}, {"e": "outboundAccountPosition", "u": 2000}),
        ({"e": "depthUpdate", "E": 1, "U": 5, "u": 6}, {"e": "depthUpdate", "E": 1000, "U": 5, "u": 6}),
        ({"e": "listStatus", "O": [{"i": 4}], "C": "x"}, {"e": "listStatus", "O": [{"i": 4}], "C": "x"}),
        ([[60, *ROW, 119, "1", 3, "1", "1", "0"]], [[60_000, *ROW, 119_999, "1", 3, "1", "1", "0"]]),
        ({"workingTime": -1, "fills": [{"tradeId": 3}]}, {"workingTime": -1, "fills": [{"tradeId": 3}]}),
    ],
)
def test_every_time_and_nothing_else_is_in_microseconds(before: Any, after: Any) -> None:
    assert to_microseconds(before) == after


def test_the_unit_in_either_case() -> None:
    assert wants_microseconds("MICROSECOND")
    assert wants_microseconds("microsecond")
    assert not wants_microseconds("MILLISECOND")
    assert not wants_microseconds(None)
