"""The market as last seen: what limits and results are valued with; the ring is for the algorithm."""

from decimal import Decimal

from stockade_wire.scaled import scale_number, unscale_number

STALE_SECONDS = 60.0


class Market:
    """Best prices and last trades by symbol, as integers scaled by 10^8, with the time they were received."""

    def __init__(self) -> None:
        # Written for each message by the market stream; plain dicts of tuples are what costs least there.
        self.quotes: dict[str, tuple[int, int, int]] = {}
        self.trades: dict[str, tuple[int, int]] = {}
        self.connected = False
        self.messages = 0
        self.last_message_time_ns: int | None = None

    def seed_quote(self, symbol: str, bid: str, ask: str, now_ns: int) -> None:
        """Take in best prices asked for, unless the stream brought some already."""
        self.quotes.setdefault(symbol, (scale_number(bid), scale_number(ask), now_ns))

    def fresh_quote(self, symbol: str, now_ns: int) -> tuple[Decimal, Decimal] | None:
        """Return bid and ask if the stream is up and they were seen in the last minute, None otherwise."""
        quote = self.quotes.get(symbol)
        if (
            quote is None
            or not self.connected
            or now_ns - quote[2] > STALE_SECONDS * 1e9
            or not (quote[0] and quote[1])
        ):
            return None
        return unscale_number(quote[0]), unscale_number(quote[1])

    def mark(self, symbol: str) -> Decimal | None:
        """Return the middle of the last quote, else the last trade's price, else None; of any age."""
        quote = self.quotes.get(symbol)
        if quote is not None and quote[0] and quote[1]:
            return unscale_number((quote[0] + quote[1]) // 2)
        trade = self.trades.get(symbol)
        return unscale_number(trade[0]) if trade else None
