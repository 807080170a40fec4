"""The order book of one symbol: the feed's visible quantities and this exchange's own resting orders on top of them.

Apart from matching because the book only answers "who stands where in the queue"; it never moves money.
"""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from stockade_paper.amounts import ZERO
from stockade_paper.orders import Order

DEPTH_PUBLISHERS = ("100ms", "1000ms")
Level = tuple[Decimal, Decimal]


class Slice(msgspec.Struct, frozen=True):
    """A piece of liquidity a taker would meet; `maker` is None when it is the feed's."""

    price: Decimal
    quantity: Decimal
    maker: Order | None


def opposite(side: str) -> str:
    """Return the other side."""
    return "SELL" if side == "BUY" else "BUY"


def is_better(side: str, price: Decimal, than: Decimal) -> bool:
    """Whether an order of `side` at `price` has priority over one at `than`."""
    return price > than if side == "BUY" else price < than


def reaches(side: str, limit: Decimal, price: Decimal) -> bool:
    """Whether an order of `side` limited to `limit` accepts `price`."""
    return price <= limit if side == "BUY" else price >= limit


class Book:
    """Both sides of one symbol. `has_full_depth` is False for a feed that knows only the best quote."""

    def __init__(self, *, has_full_depth: bool, first_update_id: int = 1) -> None:
        self.has_full_depth = has_full_depth
        self.update_id = first_update_id
        self.external: dict[str, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}
        self.resting: dict[str, dict[Decimal, list[Order]]] = {"BUY": {}, "SELL": {}}
        self._shown: dict[str, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}  # Sums over `resting`.
        self._prices: dict[str, list[Decimal]] = {"BUY": [], "SELL": []}  # All occupied ones, ascending.
        self._changed: dict[str, set[tuple[str, Decimal]]] = {name: set() for name in DEPTH_PUBLISHERS}
        self._first_unpublished: dict[str, int] = dict.fromkeys(DEPTH_PUBLISHERS, first_update_id + 1)

    def quantity_at(self, side: str, price: Decimal) -> Decimal:
        """Everything visible at one price."""
        return self.external[side].get(price, ZERO) + self._shown[side].get(price, ZERO)

    def prices(self, side: str) -> Iterator[Decimal]:
        """All occupied prices, best first; the book must not change meanwhile."""
        return reversed(self._prices[side]) if side == "BUY" else iter(self._prices[side])

    def levels(self, side: str, limit: int) -> list[Level]:
        """Return the best `limit` levels, best first."""
        prices = self._prices[side]
        best = prices[: -limit - 1 : -1] if side == "BUY" else prices[:limit]
        return [(price, self.quantity_at(side, price)) for price in best]

    def best(self, side: str) -> Level | None:
        """Return the best price and its visible quantity, None for an empty side."""
        prices = self._prices[side]
        if not prices:
            return None
        price = prices[-1] if side == "BUY" else prices[0]
        return price, self.quantity_at(side, price)

    def best_external(self, side: str) -> Level | None:
        """Return the feed's best level, without this exchange's own orders."""
        levels = self.external[side]
        for price in self.prices(side):
            if price in levels:
                return price, levels[price]
        return None

    def best_resting(self, side: str) -> Decimal | None:
        """Return the best price at which an order of this exchange rests."""
        levels = self.resting[side]
        if not levels:
            return None
        return max(levels) if side == "BUY" else min(levels)

    def set_external(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Take over what the feed shows at one price; zero removes it.

        Whoever waits there can't have more in front than what is visible: the rest was cancelled.
        """
        if quantity > 0:
            self.external[side][price] = quantity
        else:
            self.external[side].pop(price, None)
        for order in self.resting[side].get(price, ()):
            if order.queue_ahead is None:
                order.queue_ahead = quantity if quantity > 0 else None
            else:
                order.queue_ahead = min(order.queue_ahead, quantity)
        self._mark(side, price)

    def take_external(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Let a taker of this exchange consume feed liquidity, from the front of the queue."""
        left = self.external[side].get(price, ZERO) - quantity
        if left > 0:
            self.external[side][price] = left
        else:
            self.external[side].pop(price, None)
        self.advance_queue(side, price, quantity)
        self._mark(side, price)

    def advance_queue(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Let `quantity` of the feed's orders at the front of one price be gone."""
        for order in self.resting[side].get(price, ()):
            if order.queue_ahead:
                order.queue_ahead = max(order.queue_ahead - quantity, ZERO)

    def add(self, order: Order) -> None:
        """Let an order rest at the end of its price's queue."""
        order.queue_ahead = self._queue_at(order.side, order.price)
        self.resting[order.side].setdefault(order.price, []).append(order)
        order.shown = ZERO
        self.refresh(order)

    def refresh(self, order: Order) -> None:
        """Count an order anew after it changed; nothing happens when it does not rest."""
        if order.shown is None:
            return
        visible = order.visible
        shown = self._shown[order.side]
        shown[order.price] = shown.get(order.price, ZERO) + visible - order.shown
        order.shown = visible
        self._mark(order.side, order.price)

    def remove(self, order: Order) -> None:
        """Take an order off the book; nothing happens when it does not rest."""
        if order.shown is None:
            return
        side, price = order.side, order.price
        queue = self.resting[side][price]
        queue.remove(order)
        self._shown[side][price] -= order.shown
        order.shown = None
        if not queue:
            del self.resting[side][price]
            del self._shown[side][price]
        self._mark(side, price)

    def requeue(self, order: Order) -> None:
        """Send an iceberg's next part to the end of its price's queue."""
        queue = self.resting[order.side][order.price]
        queue.remove(order)
        queue.append(order)
        order.queue_ahead = self._queue_at(order.side, order.price)

    def walk(self, taker_side: str, limit: Decimal | None) -> Iterator[Slice]:
        """Yield what a taker would meet, in priority order, up to its limit price."""
        side = opposite(taker_side)
        for price in self.prices(side):
            if limit is not None and not reaches(taker_side, limit, price):
                return
            external = self.external[side].get(price, ZERO)
            queue = self.resting[side].get(price, ())
            passed = ZERO
            for order in queue:
                ahead = min(order.queue_ahead, external) - passed if order.queue_ahead else ZERO
                if ahead > 0:
                    passed += ahead
                    yield Slice(price, ahead, None)
                yield Slice(price, order.visible, order)
            if external > passed:
                yield Slice(price, external - passed, None)
            for order in queue:
                if order.remaining > order.visible:
                    yield Slice(price, order.remaining - order.visible, order)

    def collect_changes(self, publisher: str) -> tuple[int, int, list[Level], list[Level]] | None:
        """Return (first id, last id, bids, asks) since the last call for this speed; None when nothing changed."""
        changed = self._changed[publisher]
        if not changed:
            return None
        first = self._first_unpublished[publisher]
        bids = [(price, self.quantity_at(side, price)) for side, price in changed if side == "BUY"]
        asks = [(price, self.quantity_at(side, price)) for side, price in changed if side == "SELL"]
        self._changed[publisher] = set()
        self._first_unpublished[publisher] = self.update_id + 1
        return first, self.update_id, sorted(bids, reverse=True), sorted(asks)

    def skip_changes(self, publisher: str) -> None:
        """Forget the changes since the last call for this speed: nobody listens."""
        self._changed[publisher].clear()
        self._first_unpublished[publisher] = self.update_id + 1

    def _mark(self, side: str, price: Decimal) -> None:
        """Note that a level changed, came or went: one more update id, to be told by every depth stream."""
        self.update_id += 1
        for changed in self._changed.values():
            changed.add((side, price))
        prices = self._prices[side]
        place = bisect_left(prices, price)
        is_listed = place < len(prices) and prices[place] == price
        is_occupied = price in self.external[side] or price in self.resting[side]
        if is_occupied and not is_listed:
            prices.insert(place, price)
        elif is_listed and not is_occupied:
            del prices[place]

    def _queue_at(self, side: str, price: Decimal) -> Decimal | None:
        visible = self.external[side].get(price)
        if visible is not None:
            return visible
        if self.has_full_depth:
            return ZERO
        best = self.best_external(side)
        is_first = best is not None and is_better(side, price, best[0])
        return ZERO if is_first else None
