"""A double of the gateway: a real SEQPACKET socket and a real ring, and whatever a test wants it to say.

It checks nothing and decides nothing; the real gateway's behaviour is tested with the real gateway.
"""

import select
import socket
import time
from pathlib import Path
from typing import TypeVar

from stockade_wire import PROTOCOL_VERSION
from stockade_wire.messages import (
    Event,
    Heartbeat,
    Hello,
    Instrument,
    OrderEvent,
    OrderReply,
    OrderState,
    PositionChanged,
    Request,
    SubmitOrder,
    Subscribe,
    TradingState,
    Welcome,
    decode_request,
    encode_event,
)
from stockade_wire.ring import Doorbell, RingWriter
from stockade_wire.scaled import scale_number

WAIT_SECONDS = 60.0
SYMBOLS = ("BTCUSDT", "ETHUSDT")
INSTRUMENTS = [
    Instrument("BTCUSDT", "BTC", "USDT", "0.01", "0.00001", "0.00001", "5"),
    Instrument("ETHUSDT", "ETH", "USDT", "0.01", "0.0001", "0.0001", "5"),
]

R = TypeVar("R", bound=Request)


class GatewayDouble:
    """One gateway for one algorithm; every wait has a deadline."""

    def __init__(self, folder: Path, symbols: tuple[str, ...] = SYMBOLS, capacity: int = 1024) -> None:
        self.socket_path = folder / "orders.sock"
        self.ring = RingWriter.create(folder / "market.ring", symbols, capacity=capacity)
        self.heartbeats = 0
        self._symbols = symbols
        self._client: socket.socket | None = None
        self._doorbell = Doorbell()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self.socket_path))
        self._listener.listen(1)

    # --- Connection ---------------------------------------------------------------------------------------------------

    def accept(self) -> Hello:
        """Wait for the algorithm and return its Hello."""
        if self._client is not None:
            self._client.close()
        self._listener.settimeout(WAIT_SECONDS)
        self._client, _ = self._listener.accept()
        return self.receive(Hello)

    def welcome(
        self,
        *,
        positions: tuple[PositionChanged, ...] = (),
        open_orders: tuple[OrderEvent, ...] = (),
        trading: TradingState = "Active",
    ) -> None:
        """Answer Hello, with the doorbell."""
        message = Welcome(
            PROTOCOL_VERSION,
            list(self._symbols),
            str(self.ring.path),
            [instrument for instrument in INSTRUMENTS if instrument.symbol in self._symbols],
            list(positions),
            list(open_orders),
            trading,
        )
        assert self._client is not None
        socket.send_fds(self._client, [encode_event(message)], [self._doorbell.reader_fd])

    def serve(self) -> Hello:
        """Accept and welcome."""
        hello = self.accept()
        self.welcome()
        return hello

    def hang_up(self) -> None:
        """Break the connection as a gateway does that dies."""
        assert self._client is not None
        self._client.close()
        self._doorbell.close()

    def close(self) -> None:
        """Give back everything."""
        if self._client is not None:
            self._client.close()
        self._listener.close()
        self._doorbell.close()
        self.ring.close()

    # --- Messages -----------------------------------------------------------------------------------------------------

    def receive(self, kind: type[R]) -> R:
        """Wait for the next message but heartbeats, which has to be of this kind."""
        message = self.receive_any()
        assert isinstance(message, kind), f"wanted {kind.__name__}, got {message}"
        return message

    def receive_any(self) -> Request:
        """Wait for the next message but heartbeats."""
        deadline = time.monotonic() + WAIT_SECONDS
        assert self._client is not None
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self._client], [], [], left)
            if not ready:
                break
            datagram = self._client.recv(65536)
            assert datagram, "the algorithm hung up"
            message = decode_request(datagram)
            if not isinstance(message, Heartbeat):
                return message
            self.heartbeats += 1
        raise AssertionError(f"nothing from the algorithm in {WAIT_SECONDS} s")

    def wait_for_heartbeats(self, count: int) -> None:
        """Wait until so many heartbeats came, and nothing else."""
        assert self._client is not None
        self._client.settimeout(WAIT_SECONDS)
        while self.heartbeats < count:
            message = decode_request(self._client.recv(65536))
            assert isinstance(message, Heartbeat), f"wanted a heartbeat, got {message}"
            self.heartbeats += 1

    def receive_subscription(self, symbol: str, kind: str) -> None:
        """Wait for one subscription."""
        subscription = self.receive(Subscribe)
        assert (subscription.symbol, subscription.kind) == (symbol, kind)

    def send(self, event: Event) -> None:
        """Send an event."""
        assert self._client is not None
        self._client.send(encode_event(event))

    def accept_order(self, client_order_id: str) -> SubmitOrder:
        """Wait for an order and give it an id."""
        order = self.receive(SubmitOrder)
        self.send(OrderReply(order.request_id, client_order_id))
        return order

    def send_state(self, order: SubmitOrder, client_order_id: str, state: OrderState, filled: str = "0") -> None:
        """Tell what became of an order."""
        self.send(
            OrderEvent(
                client_order_id,
                order.symbol,
                order.side,
                order.type,
                state,
                order.quantity,
                filled,
                order.price if filled != "0" else None,
                None,
                None,
                time.time_ns(),
                order.price,
                order.stop_price,
                order.time_in_force,
                order.trailing_delta,
            )
        )

    # --- Market data --------------------------------------------------------------------------------------------------

    def publish_trade(self, symbol: str, trade_id: int, price: str, quantity: str, *, ring_bell: bool = True) -> None:
        """Publish a trade and ring the doorbell."""
        now = time.time_ns()
        self.ring.publish_trade(
            symbol,
            trade_id=trade_id,
            event_time_ns=now,
            received_time_ns=now,
            price=scale_number(price),
            quantity=scale_number(quantity),
            buyer_is_maker=False,
        )
        if ring_bell:
            self.ring_bell()

    def publish_quote(self, symbol: str, update_id: int, bid: str, ask: str, *, ring_bell: bool = True) -> None:
        """Publish a best bid and ask of one each and ring the doorbell."""
        now = time.time_ns()
        self.ring.publish_quote(
            symbol,
            update_id=update_id,
            event_time_ns=now,
            received_time_ns=now,
            bid_price=scale_number(bid),
            bid_quantity=scale_number("1"),
            ask_price=scale_number(ask),
            ask_quantity=scale_number("1"),
        )
        if ring_bell:
            self.ring_bell()

    def publish_bar(self, symbol: str, close: str, *, closed: bool = True, minute: int = 0) -> None:
        """Publish a one-minute candlestick of one price and ring the doorbell."""
        price, now = scale_number(close), time.time_ns()
        self.ring.publish_bar(
            symbol,
            trade_count=1,
            event_time_ns=now,
            received_time_ns=now,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=scale_number("1"),
            quote_volume=price,
            open_time_ns=minute * 60_000_000_000,
            interval_ns=60_000_000_000,
            closed=closed,
        )
        self.ring_bell()

    def publish_book(self, symbol: str, update_id: int, bid: str, ask: str) -> None:
        """Publish a book of one level each side and ring the doorbell."""
        one = scale_number("1")
        self.ring.publish_book(
            symbol,
            update_id=update_id,
            event_time_ns=time.time_ns(),
            received_time_ns=time.time_ns(),
            bids=[(scale_number(bid), one)],
            asks=[(scale_number(ask), one)],
        )
        self.ring_bell()

    def ring_bell(self) -> None:
        """Wake the algorithm."""
        self._doorbell.ring()
