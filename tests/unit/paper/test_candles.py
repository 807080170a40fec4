"""Candles: buckets, gaps and sums."""

from decimal import Decimal

import pytest

from stockade_paper.candles import CandleStore, close_of, open_of

D = Decimal
MONDAY_MS = 1_699_833_600_000  # 2023-11-13 00:00 UTC


@pytest.mark.parametrize(
    ("interval", "opened", "closed"),
    [
        ("1m", MONDAY_MS + 3_660_000, MONDAY_MS + 3_719_999),
        ("1h", MONDAY_MS + 3_600_000, MONDAY_MS + 7_199_999),
        ("1d", MONDAY_MS, MONDAY_MS + 86_399_999),
        ("1w", MONDAY_MS, MONDAY_MS + 7 * 86_400_000 - 1),
        ("1M", 1_698_796_800_000, 1_701_388_799_999),
    ],
)
def test_buckets(interval: str, opened: int, closed: int) -> None:
    time_ms = MONDAY_MS + 3_665_000
    assert open_of(time_ms, interval) == opened
    assert close_of(opened, interval) == closed


def test_minutes_without_a_trade_are_flat_and_sums_are_exact() -> None:
    store = CandleStore()
    store.add_trade(MONDAY_MS, 1, D(100), D(2), buyer_maker=False)
    store.add_trade(MONDAY_MS + 1000, 2, D(110), D(1), buyer_maker=True)
    store.add_trade(MONDAY_MS + 180_000, 3, D(90), D(1), buyer_maker=False)
    now = MONDAY_MS + 181_000
    minutes = store.select("1m", now, 10)
    assert [candle.close for candle in minutes] == [D(110), D(110), D(110), D(90)]
    assert [candle.trades for candle in minutes] == [2, 0, 0, 1]
    whole = store.select("5m", now, 1)[0]
    assert (whole.open, whole.high, whole.low, whole.close) == (D(100), D(110), D(90), D(90))
    assert (whole.volume, whole.quote_volume, whole.taker_base, whole.taker_quote) == (D(4), D(400), D(3), D(290))
    assert (whole.first_trade_id, whole.last_trade_id, whole.trades) == (1, 3, 3)


def test_start_gives_the_oldest_from_there() -> None:
    store = CandleStore()
    for minute in range(10):
        store.add_trade(MONDAY_MS + minute * 60_000, minute, D(100 + minute), D(1), buyer_maker=False)
    now = MONDAY_MS + 9 * 60_000
    chosen = store.select("1m", now, 3, start_ms=MONDAY_MS + 60_000)
    assert [candle.close for candle in chosen] == [D(101), D(102), D(103)]
    chosen = store.select("1m", now, 3, end_ms=MONDAY_MS + 5 * 60_000)
    assert [candle.close for candle in chosen] == [D(103), D(104), D(105)]
