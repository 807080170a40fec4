"""What an algorithm's messages mean: the one session of the order socket, apart from the socket's own workings.

Nothing here waits: every request is answered in the call that brings it.
"""

import logging
import time
from collections.abc import Callable
from decimal import Decimal
from typing import cast

from stockade_gateway.control import Trading
from stockade_gateway.dead_man import DeadManSwitch
from stockade_gateway.desk import Desk
from stockade_gateway.errors import ClientError
from stockade_gateway.filters import InstrumentRules, ListRequest, OrderRequest
from stockade_gateway.limits import Denial
from stockade_gateway.orders import Change, Refusal
from stockade_gateway.saved_state import SavedStates
from stockade_wire import PROTOCOL_VERSION
from stockade_wire.messages import (
    MAX_WELCOME_ORDERS,
    AmendOrder,
    AmendRejected,
    CancelAllOrders,
    CancelOrder,
    Connection,
    DenialCode,
    Event,
    Fault,
    FillReport,
    Hello,
    Instrument,
    LoadState,
    OrderEvent,
    OrderLeg,
    OrderListReply,
    OrderReply,
    OrderType,
    PositionChanged,
    Refused,
    ReplaceOrder,
    Request,
    SavedState,
    SaveState,
    Side,
    SubmitOrder,
    SubmitOrderList,
    Subscribe,
    TimeInForce,
    TradingChanged,
    Welcome,
)

_SILENT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Session:
    """The algorithm as the gateway sees it: greeted or not, running, faulted, silent or gone."""

    def __init__(
        self,
        *,
        desk: Desk,
        dead_man: DeadManSwitch,
        states: SavedStates,
        ring_path: str,
        subscribe: Callable[[str, str], None],
        send: Callable[[Event], None],
    ) -> None:
        self._desk = desk
        self._dead_man = dead_man
        self._states = states
        self._ring_path = ring_path
        self._subscribe = subscribe
        self._send = send
        self._greeted = False
        self._seen = False
        self._has_loaded = False
        self._told_trading: Trading | None = None
        self.strategy: str | None = None
        self.fault: Fault | None = None

    @property
    def state(self) -> str:
        """Waiting, Running, Faulted, Silent or Gone."""
        if self._greeted:
            silent = self._dead_man.silent_seconds(time.monotonic()) > _SILENT_SECONDS
            return "Faulted" if self.fault else "Silent" if silent else "Running"
        if self.fault:
            return "Faulted"
        return "Gone" if self._seen else "Waiting"

    def receive(self, request: Request) -> None:
        """Act on one message. Raises ClientError when the session must end; its text is for the algorithm's author."""
        if isinstance(request, Hello):
            self._greet(request)
            return
        if not self._greeted:
            raise ClientError(f"{type(request).__name__} came before Hello")
        self._dead_man.note_life(time.monotonic())
        if isinstance(request, SubmitOrder | SubmitOrderList | AmendOrder | ReplaceOrder | CancelOrder):
            self._send(self._answer(request))
        elif isinstance(request, CancelAllOrders):
            self._send(OrderReply(request.request_id, None))
            self._desk.cancel_all(request.symbol)
        elif isinstance(request, Subscribe) and request.symbol in self._desk.symbols:
            self._subscribe(request.symbol, request.kind)
        elif isinstance(request, SaveState):
            self._states.save(request.content, time.time_ns())
        elif isinstance(request, LoadState):
            self._load_state(request)
        elif isinstance(request, Fault):
            self.fault = request
            where = f"{request.file}:{request.line}"
            logger.error("the algorithm failed: %s: %s (%s)", request.kind, request.message, where)

    def close(self) -> None:
        """Note that the algorithm's connection is gone."""
        if self._greeted:
            self._dead_man.note_end()
        self._greeted = self._has_loaded = False
        self._told_trading = None

    def tell(self, change: Change | Refusal) -> None:
        """Tell the algorithm of one step of an order, and of its position when that moved."""
        if not self._greeted:
            return
        if isinstance(change, Refusal):
            self._send(AmendRejected(change.order.client_order_id, change.reason[:1024]))
            return
        self._send(_make_order_event(change))
        if change.execution is not None:
            self._send(self._make_position(change.order.symbol))

    def tell_positions(self) -> None:
        """Tell the algorithm of every position: the past became known."""
        if self._greeted:
            for symbol in self._desk.books.positions.symbols():
                self._send(self._make_position(symbol))

    def tell_connection(self, *, connected: bool) -> None:
        """Tell the algorithm that the exchange is lost or back."""
        if self._greeted:
            self._send(Connection(connected))

    def tell_trading(self, trading: Trading) -> None:
        """Tell the algorithm that the kill switch moved, if it did."""
        if self._greeted and trading is not self._told_trading:
            self._told_trading = trading
            self._send(TradingChanged(trading.value))

    def _greet(self, hello: Hello) -> None:
        if self._greeted:
            raise ClientError("Hello came twice")
        if hello.protocol != PROTOCOL_VERSION:
            raise ClientError(f"the algorithm speaks protocol {hello.protocol}, this gateway {PROTOCOL_VERSION}")
        report = hello.launcher
        for name in ("no_new_privs", "seccomp", "self_test_passed"):
            if not getattr(report, name):
                raise ClientError(f"the launcher did not harden the algorithm: {name} is missing")
        orders = self._desk.books.orders.open()
        control = self._desk.control_file.control
        trading = control.effective_trading if control else Trading.HALTED
        welcome = Welcome(
            protocol=PROTOCOL_VERSION,
            symbols=list(self._desk.symbols),
            ring_path=self._ring_path,
            instruments=[_make_instrument(self._desk.rules[symbol]) for symbol in self._desk.symbols],
            positions=[self._make_position(symbol) for symbol in self._desk.books.positions.symbols()],
            open_orders=[_make_order_event(Change(order)) for order in orders[:MAX_WELCOME_ORDERS]],
            trading=trading.value,
        )
        self._greeted = self._seen = True
        self._told_trading = trading
        self.fault = None
        self.strategy = hello.strategy
        self._dead_man.note_start(time.monotonic())
        self._send(welcome)
        for order in orders[MAX_WELCOME_ORDERS:]:
            self._send(_make_order_event(Change(order)))
        self._send(Connection(self._desk.api.connected))

    def _answer(
        self, request: SubmitOrder | SubmitOrderList | AmendOrder | ReplaceOrder | CancelOrder
    ) -> OrderReply | OrderListReply:
        """Have the desk do what is asked of one order or list."""
        client_order_id: str | None
        if isinstance(request, SubmitOrderList):
            legs = [
                _read_leg(request.symbol, request.side, request.quantity, leg) for leg in (request.above, request.below)
            ]
            list_id, names, denial = self._desk.submit_list(ListRequest(above=legs[0], below=legs[1]))
            return OrderListReply(request.request_id, list_id, names, *_explain(denial))
        if isinstance(request, SubmitOrder):
            leg = OrderLeg(
                request.type, request.price, request.stop_price, request.time_in_force, request.trailing_delta
            )
            client_order_id, denial = self._desk.submit(_read_leg(request.symbol, request.side, request.quantity, leg))
        elif isinstance(request, ReplaceOrder):
            client_order_id, denial = self._desk.replace(
                request.client_order_id, _read_leg("", "", request.quantity, request.order)
            )
        elif isinstance(request, AmendOrder):
            client_order_id = request.client_order_id
            denial = self._desk.amend(client_order_id, Decimal(request.quantity))
        else:
            client_order_id = request.client_order_id
            denial = self._desk.cancel(client_order_id)
        return OrderReply(request.request_id, client_order_id, *_explain(denial))

    def _load_state(self, request: LoadState) -> None:
        if self._has_loaded:
            raise ClientError("LoadState came twice")
        if not self._states.restored:
            raise ClientError("what the strategy saved can't be read from the ledger yet")
        self._has_loaded = True
        self._send(SavedState(request.request_id, self._states.content))

    def _make_position(self, symbol: str) -> PositionChanged:
        holding = self._desk.books.positions.holding(symbol)
        return PositionChanged(
            symbol,
            to_text(holding.quantity),
            _to_optional_text(holding.average_price),
            to_text(holding.realized),
            {asset: to_text(amount) for asset, amount in holding.fees.items()},
        )


def to_text(number: Decimal) -> str:
    """Return a number as plain decimal text with at most 18 decimals."""
    text = f"{number:.18f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def refuse(reason: str, message: str) -> Refused:
    """Return the message that ends a session."""
    return Refused(reason, message[:1024])


def _explain(denial: Denial | None) -> tuple[DenialCode | None, str | None]:
    return (denial.code, denial.message[:1024]) if denial else (None, None)


def _read_leg(symbol: str, side: str, quantity: str, leg: OrderLeg) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=leg.type,
        quantity=Decimal(quantity),
        price=None if leg.price is None else Decimal(leg.price),
        stop_price=None if leg.stop_price is None else Decimal(leg.stop_price),
        time_in_force=leg.time_in_force,
        trailing_delta=leg.trailing_delta,
    )


def _to_optional_text(number: Decimal | None) -> str | None:
    return None if number is None else to_text(number)


def _make_order_event(change: Change) -> OrderEvent:
    order, execution = change.order, change.execution
    fill = None
    if execution is not None:
        fill = FillReport(
            trade_id=execution.trade_id,
            price=to_text(execution.price),
            quantity=to_text(execution.quantity),
            commission=to_text(execution.commission),
            commission_asset=execution.commission_asset or "NONE",
            is_maker=execution.is_maker,
        )
    return OrderEvent(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        # What these may be is checked where they come from: the algorithm's own message or the exchange.
        side=cast("Side", order.side),
        type=cast("OrderType", order.type),
        state=order.state.value,
        quantity=to_text(order.quantity),
        filled_quantity=to_text(order.filled_quantity),
        average_price=_to_optional_text(order.average_price),
        last_fill=fill,
        reason=order.reason[:1024] if order.reason else None,
        event_time_ns=order.updated_time_ns,
        price=_to_optional_text(order.price),
        stop_price=_to_optional_text(order.stop_price),
        time_in_force=cast("TimeInForce | None", order.time_in_force),
        trailing_delta=order.trailing_delta,
        list_id=order.list_id,
    )


def _make_instrument(rules: InstrumentRules) -> Instrument:
    return Instrument(
        symbol=rules.symbol,
        base=rules.base,
        quote=rules.quote,
        tick_size=to_text(rules.tick_size),
        step_size=to_text(rules.lot.step),
        min_quantity=to_text(rules.lot.minimum),
        min_notional=to_text(rules.min_notional),
    )
