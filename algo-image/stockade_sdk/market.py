"""Market data as an author sees it: frozen, typed, money in Decimal.

Apart from the wire's records because those are scaled integers in the order of the ring's bytes.
"""

from decimal import Decimal

from msgspec import Struct


class QuoteTick(Struct, frozen=True):
    """Best bid and ask."""

    symbol: str
    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal
    event_time_ns: int
    """The exchange's time; the gateway's where the exchange sends none."""
    received_time_ns: int

    @property
    def mid_price(self) -> Decimal:
        """Middle of bid and ask."""
        return (self.bid_price + self.ask_price) / 2

    @property
    def spread(self) -> Decimal:
        """Ask less bid."""
        return self.ask_price - self.bid_price


class TradeTick(Struct, frozen=True):
    """One public trade."""

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    """True when the seller took."""
    event_time_ns: int
    received_time_ns: int


class Bar(Struct, frozen=True):
    """One closed candlestick."""

    symbol: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trade_count: int
    open_time_ns: int
    interval_seconds: int
    event_time_ns: int
    received_time_ns: int


class BookLevel(Struct, frozen=True):
    """One price of an order book."""

    price: Decimal
    quantity: Decimal


class OrderBook(Struct, frozen=True):
    """The best levels of each side, best first, at most 20."""

    symbol: str
    update_id: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    event_time_ns: int
    received_time_ns: int
