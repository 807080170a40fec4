"""The exchange's REST API, for start-up, reconciliation and cancels while the WebSocket API is away.

The standard library's client on one persistent connection in one thread: a client of its own per request would cost a
handshake, an asynchronous library some 10 MB in every pod.
"""

import asyncio
import http.client
import json
import logging
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.rate_budget import Purpose, RateBudget, read_retry_after
from stockade_gateway.signing import sign_query

RECV_WINDOW_MS = 5000
_TIMEOUT_SECONDS = 10.0
_CLOCK_SECONDS = 600.0
TIMESTAMP_REFUSED = -1021

logger = logging.getLogger(__name__)


class RestClient:
    """One account's REST client; every call waits for the rate budget first."""

    def __init__(self, url: str, keys: ExchangeKeys, clock: ExchangeClock, budget: RateBudget) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.netloc
        self._base = parts.path
        self.keys = keys
        self._clock = clock
        self._budget = budget
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rest")
        # Started now, as the journal's: later there may be no room for a thread in the pod.
        self._thread.submit(int)
        self._connection: http.client.HTTPConnection | None = None

    async def measure_clock(self) -> None:
        """Ask for the exchange's time and set the clock by it; out of the reserve, as nothing is taken without it."""
        await self._budget.wait(Purpose.RECONCILE)
        sent = time.time_ns()
        answer = await self.get("/api/v3/time", purpose=Purpose.RECONCILE)
        self._clock.set_offset(answer["serverTime"], sent, time.time_ns())

    async def keep_clock(self) -> None:
        """Measure the exchange's clock again and again, until cancelled: both drift."""
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            try:
                await self.measure_clock()
            except ExchangeError as error:
                logger.warning("the exchange's clock can't be measured: %s", error)

    async def get(
        self,
        path: str,
        parameters: Mapping[str, object] | None = None,
        *,
        signed: bool = False,
        purpose: Purpose = Purpose.UPKEEP,
        keys: ExchangeKeys | None = None,
    ) -> Any:
        """Return the decoded answer, signed with other `keys` if they are given to be tried.

        Raises ExchangeError and its kinds; asks once more after a wrong timestamp.
        """
        try:
            return await self._request("GET", path, parameters or {}, signed=signed, purpose=purpose, keys=keys)
        except ExchangeError as error:
            if error.code != TIMESTAMP_REFUSED:
                raise
            await self.measure_clock()
            return await self._request("GET", path, parameters or {}, signed=signed, purpose=purpose, keys=keys)

    async def delete(self, path: str, parameters: Mapping[str, object]) -> Any:
        """Send a signed DELETE, which cancels; returns the decoded answer. Raises ExchangeError and its kinds."""
        return await self._request("DELETE", path, parameters, signed=True, purpose=Purpose.CANCEL)

    def close(self) -> None:
        """Close the connection once a request under way is done."""
        self._thread.submit(self._drop_connection)
        self._thread.shutdown(wait=False)

    async def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object],
        *,
        signed: bool,
        purpose: Purpose,
        keys: ExchangeKeys | None = None,
    ) -> Any:
        await self._budget.wait(purpose)
        keys = keys or self.keys
        query, headers = urlencode(parameters), {}
        if signed:
            stamped = {**parameters, "recvWindow": RECV_WINDOW_MS, "timestamp": self._clock.now_ms()}
            query, headers = sign_query(stamped, keys.sign), {"X-MBX-APIKEY": keys.api_key}
        target = f"{self._base}{path}?{query}" if query else f"{self._base}{path}"
        loop = asyncio.get_running_loop()
        status, answer_headers, body = await loop.run_in_executor(self._thread, self._exchange, method, target, headers)
        return self._read_answer(f"{method} {path}", status, answer_headers, body)

    def _read_answer(self, what: str, status: int, headers: Mapping[str, str], body: bytes) -> Any:
        now = time.time()
        used = headers.get("x-mbx-used-weight-1m", "")
        if used.isdigit():
            self._budget.note_weight(int(used), now)
        if status >= 500:
            raise StatusUnknownError(f"{what}: the exchange answered {status}, so its outcome is unknown")
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {"code": 0, "msg": f"{what}: the exchange answered {status} without JSON"}
            status = max(status, 400)
        if status in (418, 429):
            seconds = read_retry_after(headers)
            self._budget.block(seconds, now)
            raise RateLimitedError(status, answer.get("code", 0), answer.get("msg", ""), seconds)
        if status >= 400:
            raise ExchangeError(status, answer.get("code", 0), answer.get("msg", ""))
        return answer

    def _exchange(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Send one request; runs in the thread. A kept connection that turns out closed is opened anew, once."""
        for fresh in (False, True):
            reused = self._connection is not None and not fresh
            connection = self._connection if reused and self._connection else self._open_connection()
            try:
                connection.request(method, target, headers=headers)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._drop_connection()
                # All this client sends may be sent twice: questions, and cancels of one order by its id.
                if reused and not isinstance(error, TimeoutError):
                    continue
                raise StatusUnknownError(
                    f"{method}: no answer from the exchange ({type(error).__name__}: {error})"
                ) from None
            return response.status, {name.lower(): value for name, value in response.getheaders()}, body
        raise AssertionError("the second turn always returns or raises")

    def _open_connection(self) -> http.client.HTTPConnection:
        self._drop_connection()
        if self._secure:
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(self._host, timeout=_TIMEOUT_SECONDS, context=context)
        else:
            self._connection = http.client.HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS)
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
