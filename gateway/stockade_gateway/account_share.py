"""The sidecar's part in the account's limits: tells the account gateway what it uses, and holds the lease it got.

The lease is asked for about each second, beside the order path: an order is checked against the one that is held.
"""

import asyncio
import http.client
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import urlsplit

import msgspec

from stockade_gateway.control import AccountLimits
from stockade_gateway.errors import ShareError
from stockade_gateway.filters import ZERO
from stockade_gateway.held_lease import HeldLease, Share
from stockade_gateway.share_messages import MAC_HEADER, MOST_BYTES, PATH, Lease, Report, check_mac, make_mac

_ASK_SECONDS = 1.0
# After a denial the need is told at once, but never more often than this.
_ASK_AGAIN_SECONDS = 0.25
_TIMEOUT_SECONDS = 2.0
# How long a need that was not met is repeated.
_WANT_SECONDS = 10.0
# Denied orders that are told of: more than any exchange takes in ten seconds.
_MOST_DENIED = 1000

logger = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_lease_decoder = msgspec.json.Decoder(Lease)


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What the algorithm uses at this moment, as the desk tells it."""

    exposure: Decimal | None
    day_result: Decimal | None
    day: str
    orders: int


class ShareKeeper:
    """Keeps a lease in hand; `run` it. `make_use` is asked for each report, and returns None while it can't tell."""

    def __init__(
        self,
        url: str,
        read_key: Callable[[], bytes],
        uid: str,
        algorithm: str,
        make_use: Callable[[], Use | None],
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._read_key = read_key
        self._uid = uid
        self._algorithm = algorithm
        self._instance = os.urandom(8).hex()
        self._make_use = make_use
        self._held = HeldLease()
        self._failure: str | None = None
        self._hurry = asyncio.Event()
        self._wanted: tuple[float, Decimal] = (0.0, ZERO)
        self._denied_orders: deque[float] = deque(maxlen=_MOST_DENIED)
        # Its own thread: a name that is not resolved must hold up nothing else.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="share")
        self._connection: http.client.HTTPConnection | None = None

    def judge(self, limits: AccountLimits | None) -> Share:
        """Return what may be used at this moment."""
        return self._held.judge(limits, time.monotonic(), self._failure)

    def note_want(self, exposure: Decimal | None) -> None:
        """Ask for more soon: an order was denied that would have needed this exposure; None, one more order."""
        now = time.monotonic()
        if exposure is None:
            self._denied_orders.append(now)
        elif exposure >= self._wanted[1] or now > self._wanted[0] + _WANT_SECONDS:
            self._wanted = (now, exposure)
        self._hurry.set()

    def note_limits(self) -> None:
        """Ask anew soon: the limits changed."""
        self._hurry.set()

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            self._hurry.clear()
            await self.ask()
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
            try:
                await asyncio.wait_for(self._hurry.wait(), _ASK_SECONDS - _ASK_AGAIN_SECONDS)
            except TimeoutError:
                continue

    async def ask(self, *, leaving: bool = False) -> None:
        """Report once and take the lease that is answered; what goes wrong is what `judge` then says."""
        use = self._make_use()
        if use is None:
            self._failure = "what the algorithm holds is not known yet"
            return
        asked = time.monotonic()
        body = _encoder.encode(self._make_report(use, asked, leaving=leaving))
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._thread, self._exchange, body)
            lease = _lease_decoder.decode(answer)
        except (OSError, http.client.HTTPException) as error:
            self._fail(f"the account gateway does not answer ({type(error).__name__})")
        except ShareError as error:
            self._fail(str(error))
        except msgspec.MsgspecError as error:
            self._fail(f"the account gateway's answer can't be read: {error}")
        else:
            self._failure = None
            self._held.take(lease, asked)

    def close(self) -> None:
        """Close the connection once a request under way is done."""
        self._thread.submit(self._drop_connection)
        self._thread.shutdown(wait=False)

    def _make_report(self, use: Use, now: float, *, leaving: bool) -> Report:
        lease = self._held.find(now)
        while self._denied_orders and self._denied_orders[0] <= now - _WANT_SECONDS:
            self._denied_orders.popleft()
        wanted = self._wanted[1] if now <= self._wanted[0] + _WANT_SECONDS else ZERO
        return Report(
            uid=self._uid,
            algorithm=self._algorithm,
            instance=self._instance,
            sent_ns=time.time_ns(),
            epoch=lease.epoch if lease else "",
            obeys=lease.number if lease else 0,
            exposure=use.exposure,
            wanted_exposure=max(wanted, use.exposure or ZERO),
            day_result=use.day_result,
            day=use.day,
            orders=use.orders,
            wanted_orders=use.orders + len(self._denied_orders),
            leaving=leaving,
        )

    def _exchange(self, body: bytes) -> bytes:
        """Send one report; runs in the thread. A report is never repeated: the next one says more."""
        # Keys may be replaced at any time: an answer is believed if it was made with the key of its question.
        key = self._read_key()
        mac = make_mac(key, body)
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
            headers = {MAC_HEADER: mac, "Content-Type": "application/json"}
            self._connection.request("POST", PATH, body, headers)
            response = self._connection.getresponse()
            answer = response.read(MOST_BYTES)
        except (OSError, http.client.HTTPException):
            self._drop_connection()
            raise
        if response.status != 200:
            # The next report may reach another gateway, which can answer.
            self._drop_connection()
            raise ShareError(f"the account gateway gives no share: {answer.decode(errors='replace').strip()[:200]}")
        check_mac(key, response.getheader(MAC_HEADER, ""), mac.encode(), answer)
        return answer

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fail(self, reason: str) -> None:
        if reason != self._failure:
            logger.warning("no share of the account's limits: %s", reason)
        self._failure = reason
