"""What the outside market can do, as every feed tells it: trade, or show another book."""

from dataclasses import dataclass
from decimal import Decimal

from stockade_paper.amounts import ZERO
from stockade_paper.market import Market


@dataclass(frozen=True)
class MarketTrade:
    """The outside market traded; `trade_id` is set when the feed recorded it."""

    symbol: str
    price: Decimal
    quantity: Decimal
    buyer_maker: bool
    trade_id: int | None = None


@dataclass(frozen=True)
class BookChange:
    """The outside market's visible quantities changed; `replaces` drops all levels that are not named."""

    symbol: str
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    replaces: bool = False


MarketEvent = MarketTrade | BookChange


def apply_book_change(market: Market, change: BookChange) -> None:
    """Take a feed's book change over."""
    book = market.book
    for side, levels in (("BUY", change.bids), ("SELL", change.asks)):
        named = {price for price, _ in levels}
        if change.replaces:
            for price in [price for price in book.external[side] if price not in named]:
                book.set_external(side, price, ZERO)
        for price, quantity in levels:
            if book.external[side].get(price, ZERO) != quantity:
                book.set_external(side, price, quantity)
