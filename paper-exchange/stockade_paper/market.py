"""The public side of one symbol: its book, its tape of trades and its candles."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from stockade_paper.book import Book, Level
from stockade_paper.candles import MINUTE_MS, CandleStore
from stockade_paper.instruments import Instrument

KEPT_TRADES = 20_000
# A replay's own trades get ids far from the recorded ones, which are published as they are.
PRIVATE_TRADE_ID_OFFSET = 1_000_000_000_000


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One public trade."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    time_ms: int
    buyer_maker: bool


class Aggregate(msgspec.Struct, gc=False):
    """What one taker traded at one price in one step ("Compressed/Aggregate trades list")."""

    aggregate_id: int
    price: Decimal
    quantity: Decimal
    first_trade_id: int
    last_trade_id: int
    time_ms: int
    buyer_maker: bool

    def takes(self, trade: Trade) -> bool:
        """Whether a trade of the same step belongs to it."""
        return self.price == trade.price and self.buyer_maker == trade.buyer_maker

    def add(self, trade: Trade) -> None:
        """Count one more trade in."""
        self.quantity += trade.quantity
        self.last_trade_id = trade.trade_id


class Market:
    """One symbol. `prints_own_trades` is False in a replay: the recorded tape stays exactly as recorded."""

    def __init__(self, instrument: Instrument, book: Book, *, prints_own_trades: bool, first_trade_id: int) -> None:
        self.instrument = instrument
        self.status = "TRADING"
        self.book = book
        self.candles = CandleStore()
        self.trades: deque[Trade] = deque(maxlen=KEPT_TRADES)
        self.aggregates: deque[Aggregate] = deque(maxlen=KEPT_TRADES)
        self.last_price: Decimal | None = None
        self.on_aggregate: Callable[[Market, Aggregate], None] = lambda _market, _aggregate: None
        self.on_trade: Callable[[Market, Trade], None] = lambda _market, _trade: None
        self.on_quote: Callable[[Market], None] = lambda _market: None
        self.stops_checked_at: Decimal | None = None
        self._published_update_id = 0
        self._published_quote: tuple[Level | None, Level | None] = (None, None)
        self._prints_own_trades = prints_own_trades
        self._next_aggregate_id = first_trade_id
        self._unpublished: list[Aggregate] = []
        self.next_trade_id = first_trade_id
        self._next_private_id = PRIVATE_TRADE_ID_OFFSET + first_trade_id

    def print_trade(
        self, price: Decimal, quantity: Decimal, time_ms: int, *, buyer_maker: bool, trade_id: int | None = None
    ) -> Trade:
        """Put a trade on the tape, under its recorded id or the next one."""
        number = trade_id if trade_id is not None else self.next_trade_id
        self.next_trade_id = number + 1
        trade = Trade(number, price, quantity, time_ms, buyer_maker)
        self.trades.append(trade)
        self._aggregate(trade)
        self.last_price = price
        self.candles.add_trade(time_ms, number, price, quantity, buyer_maker=buyer_maker)
        self.on_trade(self, trade)
        return trade

    def print_own_trade(self, price: Decimal, quantity: Decimal, time_ms: int, *, buyer_maker: bool) -> int:
        """Record a trade in which an account of this exchange took part and return its id."""
        if self._prints_own_trades:
            return self.print_trade(price, quantity, time_ms, buyer_maker=buyer_maker).trade_id
        self._next_private_id += 1
        return self._next_private_id

    def publish_aggregates(self) -> None:
        """Tell whoever listens what was traded in this step; later trades begin aggregates of their own."""
        for aggregate in self._unpublished:
            self.on_aggregate(self, aggregate)
        self._unpublished.clear()

    def publish_quote(self) -> None:
        """Tell whoever listens when the best quote is another one than last time."""
        if self.book.update_id == self._published_update_id:
            return
        self._published_update_id = self.book.update_id
        quote = (self.book.best("BUY"), self.book.best("SELL"))
        if quote != self._published_quote and None not in quote:
            self._published_quote = quote
            self.on_quote(self)

    def _aggregate(self, trade: Trade) -> None:
        if self._unpublished and self._unpublished[-1].takes(trade):
            self._unpublished[-1].add(trade)
            return
        number = trade.trade_id
        aggregate = Aggregate(
            self._next_aggregate_id, trade.price, trade.quantity, number, number, trade.time_ms, trade.buyer_maker
        )
        self._next_aggregate_id += 1
        self.aggregates.append(aggregate)
        self._unpublished.append(aggregate)

    def average_price(self, now_ms: int, minutes: int) -> Decimal | None:
        """Volume-weighted average of the last minutes, else the last price, else None."""
        average = self.candles.average_price(now_ms, minutes * MINUTE_MS)
        return average if average is not None else self.last_price
