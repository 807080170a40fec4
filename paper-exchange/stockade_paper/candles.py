"""Candles (klines), apart because time buckets are arithmetic with corner cases of its own.

One-minute candles are kept for the whole history and one-second candles for the last minutes; every longer interval is
summed from the minutes when somebody asks.
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from stockade_paper.amounts import ZERO

SECOND_MS = 1000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
MONDAY_OFFSET_MS = 4 * DAY_MS  # 1970-01-05 was the first Monday.
INTERVALS_MS = {
    "1s": SECOND_MS,
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": WEEK_MS,
    "1M": 0,
}
KEPT_SECONDS = 1000
KEPT_MINUTES = 45 * 24 * 60


class Candle(msgspec.Struct, gc=False):
    """One bucket; `first_trade_id` is -1 while nothing traded in it."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    taker_base: Decimal = ZERO
    taker_quote: Decimal = ZERO
    trades: int = 0
    first_trade_id: int = -1
    last_trade_id: int = -1

    def add_trade(self, trade_id: int, price: Decimal, quantity: Decimal, *, buyer_maker: bool) -> None:
        """Count one trade in."""
        if self.trades == 0:
            self.open = self.high = self.low = price
            self.first_trade_id = trade_id
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += quantity
        self.quote_volume += price * quantity
        if not buyer_maker:
            self.taker_base += quantity
            self.taker_quote += price * quantity
        self.trades += 1
        self.last_trade_id = trade_id


def read_time_zone(text: str) -> int | None:
    """Return the milliseconds that a zone such as `+08:00`, `-1:00` or `4` is ahead of UTC, None for any other text.

    Binance takes -12:00 to +14:00.
    """
    found = re.fullmatch(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?", text)
    if found is None:
        return None
    minutes = (int(found[2]) * 60 + int(found[3] or 0)) * (-1 if found[1] == "-" else 1)
    return minutes * MINUTE_MS if -12 * 60 <= minutes <= 14 * 60 else None


def open_of(time_ms: int, interval: str, offset_ms: int = 0) -> int:
    """Return the opening time of the bucket that holds `time_ms` in a zone `offset_ms` ahead of UTC.

    Weeks open on Mondays.
    """
    local_ms = time_ms + offset_ms
    if interval == "1M":
        month = datetime.fromtimestamp(local_ms / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return int(month.timestamp()) * 1000 - offset_ms
    length = INTERVALS_MS[interval]
    monday = MONDAY_OFFSET_MS if interval == "1w" else 0
    return (local_ms - monday) // length * length + monday - offset_ms


def close_of(open_ms: int, interval: str, offset_ms: int = 0) -> int:
    """Return the last millisecond of the bucket that opens at `open_ms` in a zone `offset_ms` ahead of UTC."""
    if interval == "1M":
        month = datetime.fromtimestamp((open_ms + offset_ms) / 1000, UTC)
        following = (month + timedelta(days=32)).replace(day=1)
        return int(following.timestamp()) * 1000 - 1 - offset_ms
    return open_ms + INTERVALS_MS[interval] - 1


def sum_candles(parts: Sequence[Candle], open_ms: int) -> Candle:
    """Join consecutive candles into one that opens at `open_ms`; `parts` is not empty."""
    traded = [part for part in parts if part.trades]
    whole = Candle(
        open_ms=open_ms,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
    )
    for part in traded:
        whole.volume += part.volume
        whole.quote_volume += part.quote_volume
        whole.taker_base += part.taker_base
        whole.taker_quote += part.taker_quote
        whole.trades += part.trades
    if traded:
        whole.first_trade_id = traded[0].first_trade_id
        whole.last_trade_id = traded[-1].last_trade_id
    return whole


class CandleStore:
    """The candles of one symbol."""

    def __init__(self) -> None:
        self._minutes: list[Candle] = []
        self._seconds: deque[Candle] = deque(maxlen=KEPT_SECONDS)

    def preload(self, minutes: Sequence[Candle]) -> None:
        """Put history before everything else; ascending, without a hole."""
        self._minutes = [*minutes, *self._minutes]

    def add_trade(self, time_ms: int, trade_id: int, price: Decimal, quantity: Decimal, *, buyer_maker: bool) -> None:
        """Count one trade into its second and its minute."""
        self._roll(self._seconds, time_ms, SECOND_MS, price)
        self._roll(self._minutes, time_ms, MINUTE_MS, price)
        for candle in (self._seconds[-1], self._minutes[-1]):
            candle.add_trade(trade_id, price, quantity, buyer_maker=buyer_maker)
        if len(self._minutes) > KEPT_MINUTES:
            del self._minutes[: len(self._minutes) - KEPT_MINUTES]

    def select(
        self,
        interval: str,
        now_ms: int,
        limit: int,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        offset_ms: int = 0,
    ) -> list[Candle]:
        """Return candles in ascending order: the newest `limit`, or the oldest from `start_ms` on.

        Their days begin at midnight in a zone `offset_ms` ahead of UTC.
        """
        self._roll_to_now(now_ms)
        base: Sequence[Candle] = list(self._seconds) if interval == "1s" else self._minutes
        if not base:
            return []
        base = self._cut(base, interval, limit, start_ms, end_ms if end_ms is not None else now_ms, offset_ms=offset_ms)
        grouped = base if interval in {"1s", "1m"} else self._group(base, interval, offset_ms)
        chosen = [
            candle
            for candle in grouped
            if (start_ms is None or candle.open_ms >= start_ms) and (end_ms is None or candle.open_ms <= end_ms)
        ]
        return chosen[:limit] if start_ms is not None else chosen[-limit:]

    def current(self, interval: str, now_ms: int, offset_ms: int = 0) -> Candle | None:
        """Return the candle that is open now; None before the first trade."""
        found = self.select(interval, now_ms, 1, offset_ms=offset_ms)
        return found[-1] if found else None

    def last_hours(self, now_ms: int, milliseconds: int) -> Candle | None:
        """Sum a rolling window of whole minutes that ends now; None before the first trade."""
        self._roll_to_now(now_ms)
        start = bisect_left(self._minutes, now_ms - milliseconds, key=lambda candle: candle.open_ms)
        parts = self._minutes[start:]
        return sum_candles(parts, parts[0].open_ms) if parts else None

    def average_price(self, now_ms: int, milliseconds: int) -> Decimal | None:
        """Return the volume-weighted average price of a rolling window; None when nothing traded in it."""
        self._roll_to_now(now_ms)
        volume = quote_volume = ZERO
        for candle in reversed(self._minutes):
            if candle.open_ms < now_ms - milliseconds:
                break
            if candle.trades:
                volume += candle.volume
                quote_volume += candle.quote_volume
        return quote_volume / volume if volume else None

    @staticmethod
    def _cut(
        base: Sequence[Candle], interval: str, limit: int, start_ms: int | None, last_ms: int, *, offset_ms: int
    ) -> Sequence[Candle]:
        """Keep only what can end up in the answer, so that summing stays cheap."""
        length = INTERVALS_MS[interval] or 31 * DAY_MS
        if start_ms is not None:
            first, last = start_ms - length, start_ms + (limit + 1) * length
        else:
            first, last = open_of(max(last_ms - (limit + 1) * length, DAY_MS), interval, offset_ms), last_ms + length
        left = bisect_left(base, first, key=lambda candle: candle.open_ms)
        right = bisect_left(base, last, key=lambda candle: candle.open_ms)
        return base[left:right]

    @staticmethod
    def _group(base: Sequence[Candle], interval: str, offset_ms: int) -> list[Candle]:
        groups: dict[int, list[Candle]] = {}
        for candle in base:
            groups.setdefault(open_of(candle.open_ms, interval, offset_ms), []).append(candle)
        return [sum_candles(parts, open_ms) for open_ms, parts in groups.items()]

    def _roll_to_now(self, now_ms: int) -> None:
        if self._minutes:
            self._roll(self._minutes, now_ms, MINUTE_MS, self._minutes[-1].close)
        if self._seconds:
            self._roll(self._seconds, now_ms, SECOND_MS, self._seconds[-1].close)

    @staticmethod
    def _roll(candles: "list[Candle] | deque[Candle]", time_ms: int, length: int, price: Decimal) -> None:
        """Open the bucket of `time_ms`, and flat ones for those in which nothing traded."""
        open_ms = time_ms // length * length
        if not candles:
            candles.append(Candle(open_ms, price, price, price, price))
        while candles[-1].open_ms < open_ms:
            close = candles[-1].close
            candles.append(Candle(candles[-1].open_ms + length, close, close, close, close))
