"""The runner's loop: sleeps until there is something, then calls the author's callbacks one after the other.

Apart from `main` because this is where a strategy lives; `main` is how it begins and ends.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from msgspec.structs import replace

from stockade_runner.broker import GatewayBroker
from stockade_runner.connection import Connection
from stockade_runner.conversion import (
    to_bar,
    to_order,
    to_order_book,
    to_position,
    to_quote_tick,
    to_trade_tick,
)
from stockade_runner.errors import GatewayLostError, RefusedError, UserCodeError
from stockade_runner.faults import describe_fault, plain_fault
from stockade_runner.settings import Settings
from stockade_runner.states import pack_state, unpack_state
from stockade_sdk import GatewayGoneError, Order, Strategy
from stockade_wire.errors import RingError
from stockade_wire.messages import (
    AmendRejected,
    Bye,
    Event,
    Heartbeat,
    OrderEvent,
    PositionChanged,
    Refused,
    TradingChanged,
)
from stockade_wire.messages import Connection as ConnectionChanged
from stockade_wire.ring import Bar, Quote, RingReader, Trade
from stockade_wire.ring.doorbell import drain

HEARTBEAT_NS: Final = 1_000_000_000
SAVE_NS: Final = 30_000_000_000
EVENTS_PER_TURN: Final = 64
FIRST_WAIT_SECONDS: Final = 0.1
LONGEST_WAIT_SECONDS: Final = 5.0

log = logging.getLogger("stockade")


class Loop:
    """Runs one strategy until SIGTERM, a fault of its code, or a gateway that does not come back."""

    def __init__(self, settings: Settings, broker: GatewayBroker) -> None:
        self._settings = settings
        self._broker = broker
        self._strategy_name = ""
        self._stopping = False
        self._told_disconnected = False
        self._market_pending = False
        self._next_beat_ns = 0
        self._next_save_ns = time.monotonic_ns() + SAVE_NS
        self._wake_fd, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._ask_to_stop)

    def connect(self, strategy_name: str, timeout_seconds: float) -> bool:
        """Connect to the gateway, waiting for it with growing pauses; False when SIGTERM came first.

        Raises RefusedError and GatewayLostError.
        """
        self._strategy_name = strategy_name
        deadline = time.monotonic() + timeout_seconds
        pause = FIRST_WAIT_SECONDS
        while not self._stopping:
            try:
                self._try_to_connect()
            except (OSError, GatewayGoneError, RingError) as error:
                if time.monotonic() + pause > deadline:
                    raise GatewayLostError(f"no gateway for {timeout_seconds:.0f} s: {error}") from error
                self._sleep(pause)
                pause = min(2 * pause, LONGEST_WAIT_SECONDS)
            else:
                return True
        return False

    def run(self, strategy: Strategy) -> None:
        """Call the strategy's callbacks until it is asked to stop.

        Raises UserCodeError for an exception in a callback, RefusedError, GatewayLostError.
        """
        self._load(strategy)
        if not self._stopping:
            self._call(strategy.on_start)
        while not self._stopping:
            try:
                self._turn(strategy)
            except GatewayGoneError as error:
                log.warning("gateway gone: %s", error)
                self._broker.detach()
            if self._broker.connection is None and not self._stopping:
                self._come_back(strategy)
        self._call(strategy.on_stop)
        self._save(strategy)
        self._say_goodbye()

    # --- One turn -----------------------------------------------------------------------------------------------------

    def _turn(self, strategy: Strategy) -> None:
        self._sleep(self._seconds_to_sleep())
        self._beat()
        self._handle_events(strategy)
        self._handle_market(strategy)
        self._fire_timers(strategy)
        if time.monotonic_ns() >= self._next_save_ns:
            self._save(strategy)

    def _seconds_to_sleep(self) -> float:
        if self._broker.waiting or self._market_pending:
            return 0
        due_ns = self._broker.timers.next_due_ns()
        wake_ns = self._next_beat_ns if due_ns is None else min(due_ns, self._next_beat_ns)
        return max(0, wake_ns - time.monotonic_ns()) / 1_000_000_000

    def _sleep(self, seconds: float) -> None:
        poller = select.poll()
        poller.register(self._wake_fd, select.POLLIN)
        connection = self._broker.connection
        if connection is not None:
            poller.register(connection, select.POLLIN)
            poller.register(connection.doorbell_fd, select.POLLIN)
        # Rounded up, or the last fraction of a millisecond would be spent in a spin.
        ready = {descriptor for descriptor, _ in poller.poll(int(seconds * 1000) + 1 if seconds else 0)}
        if self._wake_fd in ready:
            os.read(self._wake_fd, 4096)
        if connection is not None and connection.doorbell_fd in ready and not drain(connection.doorbell_fd):
            raise GatewayGoneError("the gateway closed the doorbell")

    def _beat(self) -> None:
        now_ns = time.monotonic_ns()
        if self._broker.connection is not None and now_ns >= self._next_beat_ns:
            self._next_beat_ns = now_ns + HEARTBEAT_NS
            self._broker.connection.send(Heartbeat())

    def _handle_events(self, strategy: Strategy) -> None:
        for _ in range(EVENTS_PER_TURN):
            event = self._next_event()
            if event is None:
                return
            self._handle_event(strategy, event)

    def _next_event(self) -> Event | Order | None:
        if self._broker.waiting:
            return self._broker.waiting.popleft()
        return None if self._broker.connection is None else self._broker.connection.receive()

    def _handle_event(self, strategy: Strategy, event: Event | Order) -> None:
        if isinstance(event, Order):
            self._tell_order(strategy, _find_order_callback(strategy, event), event)
        elif isinstance(event, OrderEvent):
            self._handle_order_event(strategy, event)
        elif isinstance(event, AmendRejected):
            known = self._broker.orders.get(event.client_order_id)
            if known is not None:
                self._tell_order(strategy, strategy.on_order_amend_rejected, replace(known, reason=event.reason))
        elif isinstance(event, PositionChanged):
            position = to_position(event)
            self._broker.positions[position.symbol] = position
            self._call(strategy.on_position_changed, position)
        elif isinstance(event, TradingChanged):
            self._broker.trading = event.trading
            self._call(strategy.on_trading_changed, event.trading)
        elif isinstance(event, ConnectionChanged):
            self._broker.exchange_connected = event.connected
            self._tell_connection(strategy)
        elif isinstance(event, Refused):
            raise RefusedError(f"{event.reason}: {event.message}")

    def _handle_order_event(self, strategy: Strategy, event: OrderEvent) -> None:
        order = to_order(event)
        known = self._broker.orders.pop(order.client_order_id, None)
        if order.is_open:
            self._broker.orders[order.client_order_id] = order
        is_amended = known is not None and known.state == order.state and order.quantity < known.quantity
        amended = strategy.on_order_amended if is_amended and order.last_fill is None else None
        self._tell_order(strategy, amended or _find_order_callback(strategy, order), order)

    def _tell_order(self, strategy: Strategy, callback: Callable[[Order], None] | None, order: Order) -> None:
        if callback is not None:
            self._call(callback, order)
        self._call(strategy.on_order_event, order)

    def _handle_market(self, strategy: Strategy) -> None:
        ring = self._broker.ring
        if ring is None:
            return
        batch, books = ring.poll(), ring.poll_books()
        self._market_pending = bool(batch.records or books.books)
        if missed := batch.missed + books.missed:
            self._call(strategy.on_gap, missed)
        for record in batch.records:
            self._handle_record(strategy, record)
        for book in books.books:
            if (book.symbol, "book") in self._broker.subscriptions:
                self._call(strategy.on_order_book, to_order_book(book))

    def _handle_record(self, strategy: Strategy, record: Quote | Trade | Bar) -> None:
        subscriptions = self._broker.subscriptions
        if isinstance(record, Quote):
            if (record.symbol, "quote") in subscriptions:
                self._call(strategy.on_quote_tick, to_quote_tick(record))
        elif isinstance(record, Trade):
            if (record.symbol, "trade") in subscriptions:
                self._call(strategy.on_trade_tick, to_trade_tick(record))
        elif record.closed and (record.symbol, "bar") in subscriptions:
            self._call(strategy.on_bar, to_bar(record))

    def _fire_timers(self, strategy: Strategy) -> None:
        now_ns = time.monotonic_ns()
        while (name := self._broker.timers.pop_due(now_ns)) is not None:
            self._call(strategy.on_timer, name)

    def _call(self, callback: Callable[..., Any], *arguments: object) -> Any:
        """Call an author's callback; whatever it raises is a fault, save that the gateway is gone."""
        try:
            return callback(*arguments)
        except GatewayGoneError as error:
            log.warning("%s: %s", getattr(callback, "__name__", callback), error)
            self._broker.detach()
        except (Exception, SystemExit) as error:
            raise UserCodeError(describe_fault(error, self._settings.source_folder)) from error
        return None

    # --- What outlives the process ------------------------------------------------------------------------------------

    def _load(self, strategy: Strategy) -> None:
        """Give the author's code what it saved, trying for as long as a gateway may take to come."""
        if type(strategy).on_load is Strategy.on_load:
            return
        deadline = time.monotonic() + self._settings.connect_timeout_seconds
        while not self._stopping:
            try:
                content = self._broker.load_state()
            except GatewayGoneError as error:
                if time.monotonic() > deadline:
                    raise GatewayLostError(f"what was saved can't be loaded: {error}") from error
                log.warning("what was saved can't be loaded yet: %s", error)
                self._broker.detach()
                self._sleep(LONGEST_WAIT_SECONDS)
                self.connect(self._strategy_name, self._settings.connect_timeout_seconds)
                continue
            if content is not None:
                try:
                    state = unpack_state(content)
                except ValueError as error:
                    raise UserCodeError(plain_fault("StateError", str(error))) from error
                self._call(strategy.on_load, state)
            return

    def _save(self, strategy: Strategy) -> None:
        """Have the gateway keep what the author's code wants kept."""
        self._next_save_ns = time.monotonic_ns() + SAVE_NS
        state = self._call(strategy.on_save)
        if state is None or self._broker.connection is None:
            return
        try:
            self._broker.save_state(pack_state(state))
        except (TypeError, ValueError) as error:
            raise UserCodeError(plain_fault("StateError", str(error))) from error
        except GatewayGoneError as error:
            log.warning("the state was not saved: %s", error)
            self._broker.detach()

    # --- Coming and going ---------------------------------------------------------------------------------------------

    def _try_to_connect(self) -> None:
        connection = Connection.open(self._settings.socket_path)
        try:
            welcome = connection.greet(self._settings.launcher, self._strategy_name)
            ring = RingReader.open(welcome.ring_path)
        except BaseException:
            connection.close()
            raise
        self._broker.attach(connection, welcome, ring)
        self._market_pending = True

    def _come_back(self, strategy: Strategy) -> None:
        self._tell_connection(strategy)
        if self.connect(self._strategy_name, self._settings.connect_timeout_seconds):
            log.info("gateway is back")
            self._tell_connection(strategy)

    def _tell_connection(self, strategy: Strategy) -> None:
        """Call `on_disconnect` or `on_reconnect`, each only when the author was told the opposite last."""
        if self._broker.connected and self._told_disconnected:
            self._told_disconnected = False
            self._call(strategy.on_reconnect)
        elif not self._broker.connected and not self._told_disconnected:
            self._told_disconnected = True
            self._call(strategy.on_disconnect)

    def _say_goodbye(self) -> None:
        if self._broker.connection is None:
            return
        try:
            self._broker.connection.send(Bye())
        except GatewayGoneError as error:
            log.warning("stopped without the gateway: %s", error)

    def _ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _find_order_callback(strategy: Strategy, order: Order) -> Callable[[Order], None] | None:
    return {
        "SUBMITTED": strategy.on_order_submitted,
        "ACCEPTED": strategy.on_order_accepted,
        "PARTIALLY_FILLED": strategy.on_order_partially_filled,
        "FILLED": strategy.on_order_filled,
        "CANCELED": strategy.on_order_canceled,
        "DENIED": strategy.on_order_denied,
        "REJECTED": strategy.on_order_rejected,
        "EXPIRED": strategy.on_order_expired,
    }.get(order.state)
