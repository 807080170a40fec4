"""The market streams: one combined connection, each frame decoded once and written straight to the ring."""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from stockade_gateway.exchange.connection import SupervisedConnection
from stockade_gateway.exchange.decode import MarketData, market_decoder
from stockade_gateway.market import Market
from stockade_wire.errors import ScaledNumberError
from stockade_wire.ring import RingWriter
from stockade_wire.scaled import scale_number

_STREAM_OF_KIND = {"quote": "bookTicker", "trade": "trade", "bar": "kline_1m", "book": "depth20@100ms"}
_MINUTE_NS = 60_000_000_000
_QUIET_SECONDS = 60.0
# The exchange takes five messages a second (Binance, "Websocket Limits"): what is asked for together goes together.
_GATHER_SECONDS = 0.3

logger = logging.getLogger(__name__)


class MarketStream:
    """Publishes what the algorithm subscribed to, and always the quotes of its symbols, which the limits need."""

    def __init__(
        self, url: str, symbols: tuple[str, ...], ring: RingWriter, market: Market, wake: Callable[[], None]
    ) -> None:
        self._ring = ring
        self._market = market
        self._wake = wake
        self._symbols = symbols
        self._published = False
        self._request_id = 0
        self._asked_for: list[str] = []
        # Stream name -> (symbol, handler); filled by `subscribe`, so a frame costs one look-up.
        self._handlers: dict[str, tuple[str, Callable[[str, MarketData, int], None]]] = {}
        self._publishers: dict[str, Callable[[str, MarketData, int], None]] = {
            "quote": self._publish_quote,
            "trade": self._publish_trade,
            "bar": self._publish_bar,
            "book": self._publish_book,
        }
        self.malformed = 0
        self.connection = SupervisedConnection(
            "market streams",
            f"{url}/stream",
            on_text=self._receive,
            on_open=self._subscribe_all,
            on_change=self._note_connection,
            quiet_seconds=_QUIET_SECONDS,
        )
        for symbol in symbols:
            self.subscribe(symbol, "quote")

    def subscribe(self, symbol: str, kind: str) -> None:
        """Publish one kind of data of one symbol from now on; asking twice changes nothing."""
        stream = f"{symbol.lower()}@{_STREAM_OF_KIND[kind]}"
        if stream not in self._handlers:
            self._handlers[stream] = (symbol, self._publishers[kind])
            if not self._asked_for:
                asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._send_asked_for)
            self._asked_for.append(stream)

    async def run(self) -> None:
        """Keep the streams up until cancelled."""
        await self.connection.run()

    async def _subscribe_all(self) -> None:
        self._asked_for = list(self._handlers)
        self._send_asked_for()

    def _note_connection(self, connected: bool) -> None:  # noqa: FBT001 - the supervisor's callback
        self._market.connected = connected

    def _send_asked_for(self) -> None:
        self._request_id += 1
        request = {"method": "SUBSCRIBE", "params": self._asked_for, "id": self._request_id}
        self._asked_for = []
        # Without a connection nothing is sent: the next one subscribes to all of them.
        self.connection.send(msgspec.json.encode(request))

    def _receive(self, message: bytes | memoryview, last_in_buffer: bool) -> None:  # noqa: FBT001 - picows' callback
        received_ns = time.time_ns()
        try:
            frame = market_decoder.decode(message)
            if frame.data is None:
                if frame.error is not None:
                    logger.error("market streams: the exchange refused a subscription: %s", frame.error)
                return
            handler = self._handlers.get(frame.stream)
            if handler is not None:
                handler[1](handler[0], frame.data, received_ns)
                self._market.messages += 1
                self._market.last_message_time_ns = received_ns
        except (msgspec.MsgspecError, ScaledNumberError) as error:
            self.malformed += 1
            if self.malformed == 1:
                logger.error("market streams: a message can't be read: %s", error)  # noqa: TRY400 - the frame says it all
        # Waking costs a system call: once on the first record of a buffer, once after its last.
        if last_in_buffer or not self._published:
            self._wake()
        self._published = not last_in_buffer

    def _publish_quote(self, symbol: str, data: MarketData, received_ns: int) -> None:
        bid, ask = scale_number(str(data.b)), scale_number(str(data.a))
        self._market.quotes[symbol] = (bid, ask, received_ns)
        self._ring.publish_quote(
            symbol,
            update_id=data.u,
            event_time_ns=data.E * 1_000_000,
            received_time_ns=received_ns,
            bid_price=bid,
            bid_quantity=scale_number(str(data.B)),
            ask_price=ask,
            ask_quantity=scale_number(str(data.A)),
        )

    def _publish_trade(self, symbol: str, data: MarketData, received_ns: int) -> None:
        price = scale_number(data.p)
        self._market.trades[symbol] = (price, received_ns)
        self._ring.publish_trade(
            symbol,
            trade_id=data.t,
            event_time_ns=data.T * 1_000_000,
            received_time_ns=received_ns,
            price=price,
            quantity=scale_number(data.q),
            buyer_is_maker=data.m,
        )

    def _publish_bar(self, symbol: str, data: MarketData, received_ns: int) -> None:
        kline = data.k
        if kline is None:
            return
        self._ring.publish_bar(
            symbol,
            trade_count=kline.n,
            event_time_ns=data.E * 1_000_000,
            received_time_ns=received_ns,
            open=scale_number(kline.o),
            high=scale_number(kline.h),
            low=scale_number(kline.l),
            close=scale_number(kline.c),
            volume=scale_number(kline.v),
            quote_volume=scale_number(kline.q),
            open_time_ns=kline.t * 1_000_000,
            interval_ns=_MINUTE_NS,
            closed=kline.x,
        )

    def _publish_book(self, symbol: str, data: MarketData, received_ns: int) -> None:
        self._ring.publish_book(
            symbol,
            update_id=data.last_update_id,
            event_time_ns=data.E * 1_000_000,
            received_time_ns=received_ns,
            bids=[(scale_number(price), scale_number(quantity)) for price, quantity in data.bids or ()],
            asks=[(scale_number(price), scale_number(quantity)) for price, quantity in data.asks or ()],
        )
