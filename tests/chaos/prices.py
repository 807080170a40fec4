"""What a symbol was worth within a span of time, from the exchange's own candles; missing ones accuse nobody."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

from tests.chaos.evidence import Candle

# What is valued in the middle of the book, where no trade need have been.
_BOOK_WIDTH = Decimal("0.0005")


class Prices:
    """The candles of a run."""

    def __init__(self, candles: Mapping[str, Sequence[Candle]]) -> None:
        self._candles = candles
        self._times = {symbol: [candle.time_ms for candle in several] for symbol, several in candles.items()}

    def find_best(self, symbol: str, since_ms: int, until_ms: int, *, is_long: bool) -> Decimal | None:
        """Return the price between two times at which a position was worth most; None where it is not known."""
        span = self.find_span(symbol, since_ms, until_ms)
        return None if span is None else span[1] if is_long else span[0]

    def find_span(self, symbol: str, since_ms: int, until_ms: int) -> tuple[Decimal, Decimal] | None:
        """Return the lowest and the highest price between two times; None where they are not known."""
        times = self._times.get(symbol, [])
        chosen = self._candles[symbol][bisect_left(times, since_ms) : bisect_right(times, until_ms)] if times else ()
        if not chosen or times[0] > since_ms:
            return None
        lowest, highest = min(candle.low for candle in chosen), max(candle.high for candle in chosen)
        return lowest * (1 - _BOOK_WIDTH), highest * (1 + _BOOK_WIDTH)
