"""One WebSocket connection: a bounded queue towards the client, the server's pings, and its end.

Apart because market streams and the WebSocket API differ only in what they say.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, WSMsgType, web

from stockade_paper.faults import Faults

PING_SECONDS = 20.0
PONG_DEADLINE_SECONDS = 60.0
HALF_OPEN_STEP_SECONDS = 0.05
QUEUE_LENGTH = 20_000


class Connection:
    """A client. `send` never waits: who can't keep up is disconnected, as Binance does."""

    def __init__(self, socket: web.WebSocketResponse, address: str, faults: Faults, lifetime_seconds: float) -> None:
        self.address = address
        self.opened_ms = time.time_ns() // 1_000_000
        self._socket = socket
        self._faults = faults
        self._lifetime_seconds = lifetime_seconds
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_LENGTH)
        self._last_pong = time.monotonic()

    def send(self, text: str) -> None:
        """Queue one text frame."""
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """End the connection once the client has been told; what is still queued is dropped."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def run(self, on_text: Callable[[str], Awaitable[None]], on_control: Callable[[], None]) -> None:
        """Serve until either side closes or its life is over; `on_control` is told of the client's pings and pongs."""
        writer = asyncio.create_task(self._write())
        pinger = asyncio.create_task(self._ping())
        end = asyncio.get_running_loop().call_later(self._lifetime_seconds, self.close)
        try:
            async for message in self._socket:
                if self._faults.find_active("half-open-connections") is not None:
                    continue
                if message.type is WSMsgType.TEXT:
                    await on_text(message.data)
                elif message.type is WSMsgType.PING:
                    on_control()
                    await self._socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self._last_pong = time.monotonic()
                    on_control()
        finally:
            end.cancel()
            writer.cancel()
            pinger.cancel()
            await asyncio.gather(writer, pinger, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            text = await self._queue.get()
            if await self._is_cut():
                text = None
            if text is None:
                await self._socket.close(code=WSCloseCode.GOING_AWAY)
                return
            slow = self._faults.find_active("slow-connections")
            if slow is not None:
                await asyncio.sleep(slow.milliseconds / 1000)
            try:
                await self._socket.send_str(text)
            except ConnectionError:
                return

    async def _is_cut(self) -> bool:
        """Wait for the end of a half-open time; whether there was one."""
        was_half_open = False
        while self._faults.find_active("half-open-connections") is not None:
            was_half_open = True
            await asyncio.sleep(HALF_OPEN_STEP_SECONDS)
        return was_half_open

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            if self._faults.find_active("half-open-connections") is not None:
                continue
            if time.monotonic() - self._last_pong > PONG_DEADLINE_SECONDS:
                await self._socket.close(code=WSCloseCode.POLICY_VIOLATION)
                return
            try:
                await self._socket.ping(str(time.time_ns() // 1_000_000).encode())
            except ConnectionError:
                return


def find_refusal(faults: Faults) -> web.Response | None:
    """Return how a `refuse-connections` fault answers a handshake, None while there is none."""
    fault = faults.find_active("refuse-connections")
    if fault is None:
        return None
    headers = {"Retry-After": str(faults.seconds_left(fault))} if fault.status in {418, 429} else {}
    return web.Response(status=fault.status, headers=headers)
