"""The market streams: one connection to the exchange, subscribed to what at least one viewer looks at."""

import asyncio
import itertools
import logging
import re

import msgspec

from stockade_gateway.account.hub import Hub, Viewer, write_connection
from stockade_gateway.exchange.connection import SupervisedConnection

STREAM_NAME = re.compile(
    r"[a-z0-9]{1,20}@(trade|aggTrade|bookTicker|miniTicker|ticker|avgPrice"
    r"|kline_(1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)|depth(5|10|20)?(@100ms)?)"
)
"""Streams that may be asked for (Binance, "WebSocket Streams")."""

_MAXIMUM_STREAMS = 1000
# Five messages a second are allowed on a connection (Binance, "General WSS information"); these are two.
_SETTLE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class _Frame(msgspec.Struct):
    stream: str | None = None


_decoder = msgspec.json.Decoder(_Frame)


class MarketFeed:
    """Forwards each stream's messages, as the exchange sent them, to the viewers that asked for it."""

    def __init__(self, url: str) -> None:
        self.hub = Hub()
        self._ids = itertools.count(1)
        self._subscribed: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self.connection = SupervisedConnection(
            "market streams",
            f"{url}/stream",
            on_text=self._receive,
            on_open=self._start_anew,
            on_change=self._note_connection,
        )

    def add(self, viewer: Viewer) -> bool:
        """Start a viewer's streams; False when the connection can't carry more."""
        if len(self.hub.streams() | viewer.streams) > _MAXIMUM_STREAMS:
            return False
        self.hub.add(viewer)
        viewer.put(write_connection(connected=self.connection.connected))
        self._changed.set()
        return True

    def remove(self, viewer: Viewer) -> None:
        """End a viewer's streams."""
        self.hub.remove(viewer)
        self._changed.set()

    async def run(self) -> None:
        """Keep the connection up and its subscriptions right until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.connection.run())
            group.create_task(self._keep_subscriptions())

    async def _keep_subscriptions(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted = self.hub.streams()
            if self.connection.connected:
                self._send("UNSUBSCRIBE", self._subscribed - wanted)
                self._send("SUBSCRIBE", wanted - self._subscribed)
                self._subscribed = wanted
            await asyncio.sleep(_SETTLE_SECONDS)

    def _send(self, method: str, streams: frozenset[str]) -> None:
        if streams:
            request = {"method": method, "params": sorted(streams), "id": next(self._ids)}
            self.connection.send(msgspec.json.encode(request))

    async def _start_anew(self) -> None:
        self._subscribed = frozenset()
        self._changed.set()

    def _note_connection(self, connected: bool) -> None:  # noqa: FBT001 the supervisor's callback
        self._changed.set()
        self.hub.publish_connection(connected=connected)

    def _receive(self, message: bytes | memoryview, _last_in_buffer: bool) -> None:  # noqa: FBT001 picows' callback
        text = bytes(message)
        try:
            stream = _decoder.decode(text).stream
        except msgspec.MsgspecError as error:
            logger.warning("market streams: a message can't be read: %s", error)
            return
        if stream == "!serverShutdown":
            self.connection.reconnect("the exchange announced its shutdown")
        elif stream is not None:
            self.hub.publish(text.decode(), stream)
