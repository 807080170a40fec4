"""Following another exchange's order book ("How to manage a local order book correctly"), apart as it does no I/O."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from stockade_paper.market_events import BookChange

Levels = tuple[tuple[Decimal, Decimal], ...]


@dataclass
class DepthFollower:
    """One symbol's book as its snapshot and its depth events tell it; without a snapshot it collects events."""

    symbol: str
    book_id: int | None = None
    waiting: list[dict[str, Any]] = field(default_factory=list)

    @property
    def needs_snapshot(self) -> bool:
        """Whether events wait for a snapshot to stand on."""
        return self.book_id is None and bool(self.waiting)

    def reset(self) -> None:
        """Forget everything: the connection is a new one."""
        self.book_id = None
        self.waiting.clear()

    def take_event(self, event: dict[str, Any]) -> list[BookChange]:
        """Return what a depth event changes; after a gap in the ids nothing, until there is a new snapshot."""
        if self.book_id is None:
            self.waiting.append(event)
            return []
        if event["u"] <= self.book_id:
            return []
        if event["U"] > self.book_id + 1:
            self.reset()
            self.waiting.append(event)
            return []
        self.book_id = event["u"]
        return [BookChange(self.symbol, read_levels(event["b"]), read_levels(event["a"]))]

    def take_snapshot(self, snapshot: dict[str, Any]) -> list[BookChange]:
        """Return the book to begin with and the changes since; nothing when the snapshot is older than the events."""
        last_id = snapshot["lastUpdateId"]
        if self.waiting and last_id < self.waiting[0]["U"] - 1:
            return []
        events, self.waiting = self.waiting, []
        self.book_id = last_id
        bids, asks = read_levels(snapshot["bids"]), read_levels(snapshot["asks"])
        changes = [BookChange(self.symbol, bids, asks, replaces=True)]
        for event in events:
            changes += self.take_event(event)
        return changes


def read_levels(rows: list[list[str]]) -> Levels:
    """Read price levels."""
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in rows)
