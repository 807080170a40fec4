"""What a strategy needs of whoever runs it: the runner in a pod, or anything else with the same verbs.

Apart from Strategy so that the class an author sees has no trace of sockets.
"""

from typing import Protocol

from stockade_sdk.instruments import Instrument
from stockade_sdk.market import QuoteTick, TradeTick
from stockade_sdk.orders import Order, OrderList, Position
from stockade_wire.messages import FeedKind, OrderLeg, OrderType, Side, TimeInForce, TradingState


class Broker(Protocol):
    """Carries out a strategy's verbs. All texts are checked before they come here."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The Algorithm's allow-list."""

    @property
    def trading(self) -> TradingState:
        """Where the kill switch stands."""

    @property
    def connected(self) -> bool:
        """Whether the gateway is there and has the exchange."""

    def submit_order(
        self,
        *,
        symbol: str,
        side: Side,
        type: OrderType,  # noqa: A002 - the exchange's own word
        quantity: str,
        price: str | None,
        stop_price: str | None,
        time_in_force: TimeInForce | None,
        trailing_delta: int | None,
    ) -> Order:
        """Ask for an order and return it as SUBMITTED or DENIED; raises GatewayGoneError."""

    def submit_order_list(
        self, *, symbol: str, side: Side, quantity: str, above: OrderLeg, below: OrderLeg
    ) -> OrderList:
        """Ask for an OCO and return it, its orders SUBMITTED or DENIED; raises GatewayGoneError."""

    def amend_order(self, client_order_id: str, quantity: str) -> bool:
        """Ask to lower an order's quantity; False when the gateway refuses; raises GatewayGoneError."""

    def replace_order(self, order: Order, *, quantity: str, terms: OrderLeg) -> Order:
        """Ask for an order in the stead of another; return it as SUBMITTED or DENIED; raises GatewayGoneError."""

    def cancel_order(self, client_order_id: str) -> bool:
        """Ask to cancel an order or a list; False when the gateway knows none such; raises GatewayGoneError."""

    def cancel_all_orders(self, symbol: str | None) -> None:
        """Ask to cancel every open order; raises GatewayGoneError."""

    def subscribe(self, symbol: str, kind: FeedKind) -> None:
        """Ask for market data; raises GatewayGoneError."""

    def set_timer(self, name: str, seconds: float, *, repeat: bool) -> None:
        """Have `on_timer` called; a timer of the same name is replaced."""

    def cancel_timer(self, name: str) -> None:
        """Forget a timer; nothing happens when there is none."""

    def instrument(self, symbol: str) -> Instrument:
        """Return a symbol's filters; raises UnknownSymbolError."""

    def position(self, symbol: str) -> Position:
        """Return the position, an empty one if there is none; raises UnknownSymbolError."""

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that may still be filled, oldest first."""

    def last_quote(self, symbol: str) -> QuoteTick | None:
        """Return the newest best bid and ask that the gateway knows; raises UnknownSymbolError."""

    def last_trade(self, symbol: str) -> TradeTick | None:
        """Return the newest public trade that the gateway knows; raises UnknownSymbolError."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds since the epoch."""
