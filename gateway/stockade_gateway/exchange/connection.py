"""Supervision of one WebSocket: it is opened again whenever it dies, falls silent or grows old.

Both sockets of the sidecar are run by this one class; what they say is theirs (`market_stream.py`, `websocket_api.py`).
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from picows import (
    WSError,
    WSFrame,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeResponse,
    ws_connect,
)

from stockade_gateway.rate_budget import read_retry_after

_PING_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 30.0
# A connection that held this long was a good one: the next wait starts from the bottom again.
_GOOD_SECONDS = 10.0
# The exchange ends every connection after 24 hours (Binance, "General WSS information"); ours goes first.
_LONGEST_LIFE_SECONDS = 23 * 3600.0
# A handshake answered so is not tried again for a while: a firewall's rule, a ban, a limit (Binance, "HTTP return
# codes"). After any other answer the next try comes as after a connection that was lost.
_CLOSED_STATUSES = (403, 418, 429)

logger = logging.getLogger(__name__)


class SupervisedConnection:
    """Keeps one WebSocket open for as long as `run` runs.

    `on_text` gets each message's bytes and whether it is the last one of its receive buffer. `on_open` is awaited after
    each connect and says whatever has to be said first; the connection counts as up once it returned. `on_change` is
    told when it came up and when it is gone. `admit` is awaited before each connect, where that counts against a limit.
    `on_refusal` hears with which HTTP status a handshake was refused, and for how many seconds none is tried.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        on_text: Callable[[bytes | memoryview, bool], None],
        on_open: Callable[[], Awaitable[None]],
        on_change: Callable[[bool], None],
        admit: Callable[[], Awaitable[None]] | None = None,
        on_refusal: Callable[[int, float], None] | None = None,
        quiet_seconds: float | None = None,
    ) -> None:
        self._name = name
        self._url = url
        self._on_text = on_text
        self._on_open = on_open
        self._on_change = on_change
        self._admit = admit
        self._on_refusal = on_refusal
        self._quiet_seconds = quiet_seconds
        self._transport: WSTransport | None = None
        self.connected = False
        self.reconnects = 0
        self.last_received = time.monotonic()

    def send(self, text: bytes) -> bool:
        """Send one text message; returns False, with nothing sent, when there is no connection."""
        transport = self._transport
        if transport is None or transport.is_disconnected or transport.is_close_frame_sent:
            return False
        transport.send(WSMsgType.TEXT, text)
        return True

    def reconnect(self, reason: str) -> None:
        """Give up the present connection; `run` opens the next."""
        if self._transport is not None:
            logger.warning("%s: reconnecting: %s", self._name, reason)
            self._transport.disconnect(graceful=False)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            if self._admit is not None:
                await self._admit()
            started, closed_seconds = time.monotonic(), 0.0
            try:
                await self._live_once()
            except (OSError, WSError, TimeoutError) as error:
                logger.warning("%s: can't connect: %s", self._name, error or type(error).__name__)
                if isinstance(error, WSInvalidStatusError) and error.response is not None:
                    closed_seconds = self._take_refusal(error.response)
            if time.monotonic() - started > _GOOD_SECONDS:
                wait = _FIRST_WAIT_SECONDS
            self.reconnects += 1
            spread = random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, hides nothing
            await asyncio.sleep(max(wait * spread, closed_seconds))
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    def _take_refusal(self, response: WSUpgradeResponse) -> float:
        """Tell of a handshake's HTTP status; returns for how many seconds none is to be tried."""
        status = int(response.status)
        seconds = read_retry_after(response.headers) if status in _CLOSED_STATUSES else 0.0
        if self._on_refusal is not None:
            self._on_refusal(status, seconds)
        return seconds

    async def _live_once(self) -> None:
        transport, _ = await ws_connect(
            lambda: _Listener(self),
            self._url,
            enable_auto_ping=True,
            auto_ping_idle_timeout=_PING_SECONDS,
            auto_ping_reply_timeout=_PING_SECONDS,
            disconnect_on_exception=True,
        )
        self._transport = transport
        self.last_received = time.monotonic()
        gone = asyncio.ensure_future(transport.wait_disconnected())
        opening = asyncio.ensure_future(self._on_open())
        try:
            await asyncio.wait({gone, opening}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
                self.connected = True
                logger.info("%s: connected", self._name)
                self._on_change(True)  # noqa: FBT003
                await self._watch(gone)
        finally:
            opening.cancel()
            self._transport = None
            transport.disconnect(graceful=False)
            await asyncio.wait({gone})
            # What went wrong in the handling of a message must not end the gateway: the next connection starts afresh.
            if not gone.cancelled() and (error := gone.exception()) is not None:
                logger.error("%s: the connection broke on a message", self._name, exc_info=error)
            if self.connected:
                self.connected = False
                self._on_change(False)  # noqa: FBT003

    async def _watch(self, gone: asyncio.Future[None]) -> None:
        """Return when the connection is gone, has been silent for too long or is too old."""
        deadline = time.monotonic() + _LONGEST_LIFE_SECONDS
        while not gone.done():
            await asyncio.wait({gone}, timeout=1.0)
            now = time.monotonic()
            if self._quiet_seconds is not None and now - self.last_received > self._quiet_seconds:
                logger.warning("%s: silent for %.0f s", self._name, self._quiet_seconds)
                return
            if now > deadline:
                logger.info("%s: replaced before the exchange's 24 hours are over", self._name)
                return

    def receive(self, frame: WSFrame, message: bytes | memoryview) -> None:
        """Hand on one whole message."""
        self.last_received = time.monotonic()
        self._on_text(message, frame.last_in_buffer)


class _Listener(WSListener):
    """Puts fragmented messages together; everything else goes straight through, without a copy."""

    def __init__(self, connection: SupervisedConnection) -> None:
        self._connection = connection
        self._fragments = bytearray()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin:
            self._connection.receive(frame, frame.get_payload_as_memoryview())
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._fragments += frame.get_payload_as_memoryview()
            if frame.fin:
                message, self._fragments = bytes(self._fragments), bytearray()
                self._connection.receive(frame, message)
        elif kind is WSMsgType.CLOSE:
            transport.disconnect()
