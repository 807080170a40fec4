"""The strategy's verbs over the gateway's socket, and what the gateway said last of orders and positions.

Apart from the loop because verbs run inside an author's callback, and must not call another callback: what arrives
while a verb waits for its answer is kept for the loop.
"""

import time
from collections import deque
from typing import TypeVar

from stockade_runner.connection import ANSWER_TIMEOUT_SECONDS, Connection
from stockade_runner.conversion import (
    to_instrument,
    to_order,
    to_order_list,
    to_position,
    to_quote_tick,
    to_replacement,
    to_submitted_order,
    to_trade_tick,
)
from stockade_runner.timers import Timers
from stockade_sdk import (
    GatewayGoneError,
    Instrument,
    Order,
    OrderArgumentError,
    OrderList,
    Position,
    QuoteTick,
    TradeTick,
)
from stockade_sdk.errors import UnknownSymbolError
from stockade_wire.messages import (
    AmendOrder,
    AmendRejected,
    CancelAllOrders,
    CancelOrder,
    Event,
    FeedKind,
    LoadState,
    OrderLeg,
    OrderListReply,
    OrderReply,
    OrderType,
    ReplaceOrder,
    Request,
    SavedState,
    SaveState,
    Side,
    SubmitOrder,
    SubmitOrderList,
    Subscribe,
    TimeInForce,
    TradingState,
    Welcome,
)
from stockade_wire.ring import LastValues, RingReader

_Reply = TypeVar("_Reply", OrderReply, OrderListReply, SavedState)


class GatewayBroker:
    """A Broker of the SDK; `attach` and `detach` follow the gateway's coming and going."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.connection: Connection | None = None
        self.ring: RingReader | None = None
        self.exchange_connected = False
        self.waiting: deque[Event | Order] = deque()
        """What came while a verb waited: events, and orders that were denied at once."""
        self.subscriptions: dict[tuple[str, FeedKind], None] = {}
        self.orders: dict[str, Order] = {}
        self.positions: dict[str, Position] = {}
        self.trading: TradingState = "Halted"
        self.symbols: tuple[str, ...] = ()
        self._instruments: dict[str, Instrument] = {}
        self._request_id = 0
        self._saved: bytes | None = None

    # --- For the loop -------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the gateway is there and has the exchange."""
        return self.connection is not None and self.exchange_connected

    def attach(self, connection: Connection, welcome: Welcome, ring: RingReader) -> None:
        """Take over what a gateway says: it knows every order and position, whatever was known here before."""
        self.detach()
        self.connection, self.ring, self.exchange_connected = connection, ring, True
        self.symbols, self.trading = tuple(welcome.symbols), welcome.trading
        self._instruments = {message.symbol: to_instrument(message) for message in welcome.instruments}
        self.positions = {message.symbol: to_position(message) for message in welcome.positions}
        self.orders = {message.client_order_id: to_order(message) for message in welcome.open_orders}
        self.waiting.clear()
        self._saved = None
        for symbol, kind in self.subscriptions:
            connection.send(Subscribe(symbol, kind))

    def detach(self) -> None:
        """Let go of a gateway that is gone."""
        if self.connection is not None:
            self.connection.close()
        if self.ring is not None:
            self.ring.close()
        self.connection, self.ring, self.exchange_connected = None, None, False

    def load_state(self) -> bytes | None:
        """Return what was saved last, None when nothing ever was; raises GatewayGoneError."""
        request = LoadState(self._take_request_id())
        return self._ask(request, request.request_id, SavedState).content

    def save_state(self, content: bytes) -> None:
        """Have a state kept, unless it is the one that was saved last; raises GatewayGoneError."""
        if content != self._saved:
            self._send(SaveState(content))
            self._saved = content

    # --- Verbs --------------------------------------------------------------------------------------------------------

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
        """Ask for an order and return it as SUBMITTED or DENIED."""
        self._check_symbol(symbol)
        request = SubmitOrder(
            self._take_request_id(), symbol, side, type, quantity, price, stop_price, time_in_force, trailing_delta
        )
        reply = self._ask(request, request.request_id, OrderReply)
        return self._keep(to_submitted_order(request, reply, self.now_ns()))

    def submit_order_list(
        self, *, symbol: str, side: Side, quantity: str, above: OrderLeg, below: OrderLeg
    ) -> OrderList:
        """Ask for an OCO and return it, its orders SUBMITTED or DENIED."""
        self._check_symbol(symbol)
        request = SubmitOrderList(self._take_request_id(), symbol, side, quantity, above, below)
        order_list = to_order_list(request, self._ask(request, request.request_id, OrderListReply), self.now_ns())
        for order in (order_list.above, order_list.below):
            self._keep(order)
        return order_list

    def amend_order(self, client_order_id: str, quantity: str) -> bool:
        """Ask to lower an order's quantity; False when the gateway refuses, and the author is told why."""
        request = AmendOrder(self._take_request_id(), client_order_id, quantity)
        reply = self._ask(request, request.request_id, OrderReply)
        if reply.denied:
            self.waiting.append(AmendRejected(client_order_id, f"{reply.denied}: {reply.message}"[:1024]))
        return reply.denied is None

    def replace_order(self, order: Order, *, quantity: str, terms: OrderLeg) -> Order:
        """Ask for an order in the stead of another; return it as SUBMITTED or DENIED."""
        request = ReplaceOrder(self._take_request_id(), order.client_order_id, quantity, terms)
        reply = self._ask(request, request.request_id, OrderReply)
        return self._keep(to_replacement(order, request, reply, self.now_ns()))

    def cancel_order(self, client_order_id: str) -> bool:
        """Ask to cancel an order or a list; False when the gateway refuses."""
        request = CancelOrder(self._take_request_id(), client_order_id)
        return self._ask(request, request.request_id, OrderReply).denied is None

    def cancel_all_orders(self, symbol: str | None) -> None:
        """Ask to cancel every open order."""
        if symbol is not None:
            self._check_symbol(symbol)
        request = CancelAllOrders(self._take_request_id(), symbol)
        self._ask(request, request.request_id, OrderReply)

    def subscribe(self, symbol: str, kind: FeedKind) -> None:
        """Ask for market data; asked for again by `attach`."""
        self._check_symbol(symbol)
        self.subscriptions[symbol, kind] = None
        self._send(Subscribe(symbol, kind))

    def set_timer(self, name: str, seconds: float, *, repeat: bool) -> None:
        """Set a timer on the monotonic clock."""
        if not 0.001 <= seconds <= 86400 * 366:
            raise OrderArgumentError(f"timer {name!r} is to fire after {seconds} seconds: write 0.001 or more")
        self.timers.set(name, time.monotonic_ns(), int(seconds * 1_000_000_000), repeat=repeat)

    def cancel_timer(self, name: str) -> None:
        """Forget a timer."""
        self.timers.cancel(name)

    # --- What is known ------------------------------------------------------------------------------------------------

    def instrument(self, symbol: str) -> Instrument:
        """Return a symbol's filters."""
        self._check_symbol(symbol)
        return self._instruments[symbol]

    def position(self, symbol: str) -> Position:
        """Return the position, an empty one if there is none."""
        self._check_symbol(symbol)
        return self.positions.get(symbol) or Position(symbol)

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that may still be filled."""
        return tuple(self.orders.values())

    def last_quote(self, symbol: str) -> QuoteTick | None:
        """Return the newest best bid and ask."""
        quote = self._read_last_values(symbol).quote
        return None if quote is None else to_quote_tick(quote)

    def last_trade(self, symbol: str) -> TradeTick | None:
        """Return the newest public trade."""
        trade = self._read_last_values(symbol).trade
        return None if trade is None else to_trade_tick(trade)

    def now_ns(self) -> int:
        """Return the time in nanoseconds since the epoch."""
        return time.time_ns()

    # --- Within -------------------------------------------------------------------------------------------------------

    def _read_last_values(self, symbol: str) -> LastValues:
        self._check_symbol(symbol)
        return LastValues(None, None) if self.ring is None else self.ring.read_last_values(symbol)

    def _check_symbol(self, symbol: str) -> None:
        if symbol not in self.symbols:
            raise UnknownSymbolError(f"{symbol} is not among the Algorithm's symbols: {', '.join(self.symbols)}")

    def _take_request_id(self) -> int:
        self._request_id += 1
        return self._request_id

    def _send(self, request: Request) -> Connection:
        if self.connection is None:
            raise GatewayGoneError("the gateway is away; wait for on_reconnect")
        self.connection.send(request)
        return self.connection

    def _keep(self, order: Order) -> Order:
        """Remember a new order; the author is told of it, SUBMITTED or DENIED, after the callback that asked for it."""
        if order.is_open:
            self.orders[order.client_order_id] = order
        self.waiting.append(order)
        return order

    def _ask(self, request: Request, request_id: int, kind: type[_Reply]) -> _Reply:
        """Send a request and return its reply; keeps for the loop what comes in between."""
        connection = self._send(request)
        deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            event = connection.receive(left)
            if isinstance(event, OrderReply | OrderListReply | SavedState):
                if isinstance(event, kind) and event.request_id == request_id:
                    return event
            elif event is not None:
                self.waiting.append(event)
        raise GatewayGoneError(f"the gateway did not answer {type(request).__name__} in {ANSWER_TIMEOUT_SECONDS:.0f} s")
