"""Orders, fills and positions as an author sees them: snapshots that never change under a strategy's hands."""

from decimal import Decimal

from msgspec import Struct

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


class Position(Struct, frozen=True):
    """The algorithm's own position in one symbol, from its own fills only."""

    symbol: str
    quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    realized_pnl: Decimal = Decimal(0)
    """Since the algorithm's first fill, without fees, in the quote asset."""

    @property
    def is_flat(self) -> bool:
        """True when nothing is held."""
        return not self.quantity
