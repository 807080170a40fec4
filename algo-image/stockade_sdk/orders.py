"""Orders, fills and positions as an author sees them: snapshots that never change under a strategy's hands."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from stockade_sdk.numbers import Money
from stockade_wire.messages import CLOSED_STATES, OrderState, OrderType, Side, TimeInForce


class Fill(Struct, frozen=True):
    """One execution of an order."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool


class Order(Struct, frozen=True):
    """An order as it was when the gateway last spoke of it."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    state: OrderState
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    trailing_delta: int | None = None
    """Basis points (1 % is 100) that the price has to come back by before a trailing order fires."""
    list_id: str | None = None
    """Id of the list that the order is one of two orders of."""
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    last_fill: Fill | None = None
    reason: str | None = None
    """Why it was denied, rejected, canceled or expired: a denial's code and sentence, or the exchange's words."""
    event_time_ns: int = 0

    @property
    def is_open(self) -> bool:
        """True while the order may still be filled."""
        return self.state not in CLOSED_STATES

    @property
    def remaining_quantity(self) -> Decimal:
        """Quantity less what was filled."""
        return self.quantity - self.filled_quantity


class Leg(Struct, frozen=True):
    """What one of an OCO's two orders has for itself; symbol, side and quantity are the list's."""

    type: OrderType
    price: Money | None = None
    stop_price: Money | None = None
    trailing_delta: int | None = None
    time_in_force: TimeInForce | None = None


class OrderList(Struct, frozen=True):
    """An OCO as the gateway answered it; what becomes of its two orders comes by `on_order_*`."""

    list_id: str
    above: Order
    below: Order

    @property
    def is_denied(self) -> bool:
        """True when a limit forbade it; neither order left the pod, and `above.reason` says why."""
        return self.above.state == "DENIED"


class Position(Struct, frozen=True):
    """The algorithm's own position in one symbol, from its own fills only."""

    symbol: str
    quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    realized_pnl: Decimal = Decimal(0)
    """Since the algorithm's first fill, without fees, in the quote asset; by average cost, not first in, first out."""
    fees: Mapping[str, Decimal] = {}
    """Since the algorithm's first fill, by the asset they were taken in."""

    def unrealized_pnl(self, price: Decimal) -> Decimal:
        """Return what closing the position at that price would realise, without fees."""
        return self.quantity * (price - self.average_price) if self.average_price is not None else Decimal(0)

    @property
    def is_flat(self) -> bool:
        """True when nothing is held."""
        return not self.quantity
