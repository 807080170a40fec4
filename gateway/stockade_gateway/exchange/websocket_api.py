"""The WebSocket API: orders and cancels out, answers and this account's user events in, on one connection.

An answer that never comes, comes late or belongs to nobody harms nothing: what was asked ends as StatusUnknownError and
whoever asked finds out by query.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import msgspec

from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.exchange.connection import SupervisedConnection
from stockade_gateway.exchange.decode import WebsocketApiFrame, event_head_decoder, websocket_api_decoder
from stockade_gateway.exchange.rest import RECV_WINDOW_MS, TIMESTAMP_REFUSED
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.rate_budget import Purpose, RateBudget
from stockade_gateway.signing import sign_parameters

_TIMEOUT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class WebsocketApi:
    """The account's connection; it counts as up once the user events are subscribed."""

    def __init__(
        self,
        url: str,
        keys: ExchangeKeys,
        clock: ExchangeClock,
        budget: RateBudget,
        *,
        on_user_event: Callable[[str, msgspec.Raw], None],
        on_connection: Callable[[bool], None],
        measure_clock: Callable[[], Awaitable[None]],
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._budget = budget
        self._on_user_event = on_user_event
        self._on_connection = on_connection
        self._measure_clock = measure_clock
        self._ids = itertools.count(1)
        self._subscription: int | None = None
        self._waiting: dict[int, asyncio.Future[WebsocketApiFrame]] = {}
        self.refusal: str | None = None
        self.connection = SupervisedConnection(
            "WebSocket API",
            url,
            on_text=self._receive,
            on_open=self._subscribe,
            on_change=self._note_connection,
            # Who opens connections during a ban is banned for longer (Binance, "IP limits").
            admit=lambda: budget.wait(Purpose.RECONCILE),
            on_refusal=self._take_closed_door,
        )

    @property
    def connected(self) -> bool:
        """True while orders can be sent and user events come in."""
        return self.connection.connected

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        await self.connection.run()

    def send(self, method: str, parameters: dict[str, object]) -> Coroutine[Any, Any, Any]:
        """Send a signed request before this returns; what is returned has to be awaited and brings the result.

        It raises ExchangeError when the exchange refused the request, RateLimitedError when it did for a limit, and
        StatusUnknownError when it may have been carried out.
        """
        stamped = {
            **parameters,
            "apiKey": self._keys.api_key,
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": self._clock.now_ms(),
        }
        return self._send(method, sign_parameters(stamped, self._keys.sign))

    async def change_keys(self, keys: ExchangeKeys) -> None:
        """Sign with other keys of the same account from now on, and take the user events over to them.

        An account has one subscription on a connection (-2035), so the former one ends first. Orders go on meanwhile;
        the caller asks afterwards what may have happened between the two.
        """
        self._keys = keys
        if not self.connected:
            return
        self._subscription = None
        try:
            await self._send("userDataStream.unsubscribe", {})
            await self._subscribe()
        except (ExchangeError, OSError) as error:
            self.connection.reconnect(f"the user events could not be taken over to other keys: {error}")

    def _send(self, method: str, parameters: dict[str, object]) -> Coroutine[Any, Any, Any]:
        request_id = next(self._ids)
        request = {"id": request_id, "method": method, "params": parameters}
        future: asyncio.Future[WebsocketApiFrame] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        if not self.connection.send(msgspec.json.encode(request)):
            future.set_exception(ExchangeError(0, 0, "not connected: nothing was sent"))
        return self._await_answer(method, request_id, future)

    async def _await_answer(self, method: str, request_id: int, future: asyncio.Future[WebsocketApiFrame]) -> Any:
        try:
            frame = await asyncio.wait_for(future, _TIMEOUT_SECONDS)
        except TimeoutError:
            raise StatusUnknownError(f"{method}: no answer within {_TIMEOUT_SECONDS:.0f} s") from None
        finally:
            self._waiting.pop(request_id, None)
        return self._read_answer(method, frame)

    def _read_answer(self, method: str, frame: WebsocketApiFrame) -> Any:
        status = frame.status or 0
        if status == 200:
            return msgspec.json.decode(frame.result)
        error = frame.error or {}
        code, message = int(error.get("code", 0)), str(error.get("msg", ""))
        if status in (418, 429):
            raise RateLimitedError(status, code, message, self._take_in_block(error))
        # -1006 and -1007 say so in words; a 5xx never says that nothing happened (Binance, "HTTP return codes").
        if status >= 500 or status == 0 or code in (-1006, -1007):
            raise StatusUnknownError(f"{method}: {message or 'no usable answer'} (status {status})")
        raise ExchangeError(status, code, message, error.get("data"))

    def _take_in_block(self, error: Mapping[str, Any]) -> float:
        """Send nothing until the time the exchange names; returns the seconds until then."""
        retry_at_ms = (error.get("data") or {}).get("retryAfter")
        seconds = max(retry_at_ms / 1000 - self._clock.now_ms() / 1000, 1.0) if retry_at_ms else 60.0
        self._budget.block(seconds, time.time())
        return seconds

    def _take_closed_door(self, status: int, seconds: float) -> None:
        """Say why there is no connection; a ban or a limit stands between this address and all of the exchange.

        A firewall's 403 is about this door as far as anybody knows: cancels go by REST meanwhile.
        """
        self.refusal = f"the exchange refused the connection with HTTP {status}"
        if status in (418, 429):
            self.refusal = f"{self.refusal}: nothing is sent for {seconds:.0f} s"
            self._budget.block(seconds, time.time())

    async def _subscribe(self) -> None:
        try:
            answer = await self.send("userDataStream.subscribe.signature", {})
        except ExchangeError as error:
            # What the exchange said of the connection before it ended it says more than that it is gone.
            if error.status or self.refusal is None:
                self.refusal = f"user events can't be subscribed: {error.message}"
            logger.warning("WebSocket API: %s", self.refusal)
            if error.code == TIMESTAMP_REFUSED:
                # Nothing else is asked while there is no connection, so nothing else would notice.
                with contextlib.suppress(ExchangeError):
                    await self._measure_clock()
            raise OSError(self.refusal) from error
        self.refusal = None
        self._subscription = answer["subscriptionId"]

    def _note_connection(self, connected: bool) -> None:  # noqa: FBT001 - the supervisor's callback
        if not connected:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(StatusUnknownError("the connection was lost before an answer came"))
        self._on_connection(connected)

    def _receive(self, message: bytes | memoryview, _last_in_buffer: bool) -> None:  # noqa: FBT001 - picows' callback
        try:
            # A copy: an answer is read later, when the connection's buffer holds something else.
            frame = websocket_api_decoder.decode(bytes(message))
            if frame.event:
                kind = event_head_decoder.decode(frame.event).e
                if kind == "eventStreamTerminated" and frame.subscription_id not in (None, self._subscription):
                    # The former keys' subscription, which we ended.
                    return
                if kind in ("serverShutdown", "eventStreamTerminated"):
                    self.connection.reconnect(f"the exchange sent {kind}")
                else:
                    self._on_user_event(kind, frame.event)
                return
        except msgspec.MsgspecError as error:
            logger.error("WebSocket API: a message can't be read: %s", error)  # noqa: TRY400 - the text says it all
            return
        if frame.rate_limits:
            self._budget.set_limits(frame.rate_limits, time.time())
        future = self._waiting.get(frame.id) if isinstance(frame.id, int) else None
        if future is not None and not future.done():
            future.set_result(frame)
        elif frame.status in (418, 429):
            # Said to the connection and not to a request: the weight is used up, or the address is banned.
            self.refusal = str((frame.error or {}).get("msg", "the exchange's rate limit is reached"))
            self._take_in_block(frame.error or {})
        elif frame.status == 401:
            # The key was revoked in mid-session: the exchange says so with an id of null.
            self.refusal = str((frame.error or {}).get("msg", "the key was refused"))
            self.connection.reconnect(self.refusal)
