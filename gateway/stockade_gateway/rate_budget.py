"""How much of the exchange's rate limits is left, and what may still be sent; told the time, but for `wait`.

The request weight is counted per IP address and shared by every pod behind it, so what counts is the exchange's own
figure (header `X-MBX-USED-WEIGHT-1M`, the WebSocket API's `rateLimits`), not what this process sent.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

# In ten seconds, the lower of the figures seen (Binance, "Unfilled order count").
_GUESSED_ORDERS = 50
_WINDOW_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}


class Purpose(IntEnum):
    """What a request is for: the less it may wait, the further into the reserve it may go."""

    UPKEEP = 0
    ORDER = 1
    # Finding out what became of orders, all of them after a start or a reconnect: nobody may trade or flatten before.
    RECONCILE = 2
    CANCEL = 3


# How long to wait when the exchange names no time: what it counts starts anew each minute.
_UNNAMED_SECONDS = 60.0
# Share of a limit up to which each purpose may still send. Orders leave a reserve to reconciliation, both to cancels.
_SHARE = {Purpose.UPKEEP: 0.70, Purpose.ORDER: 0.85, Purpose.RECONCILE: 0.95, Purpose.CANCEL: 0.98}


def read_retry_after(headers: Mapping[str, str]) -> float:
    """Return for how many seconds an answer's `Retry-After` wants nothing sent; names are lower case or of any case."""
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isdigit() else _UNNAMED_SECONDS


class RateBudget:
    """The limits as last seen; every method takes the time in seconds since the epoch."""

    def __init__(self) -> None:
        self._weight_limit = 6000
        self._weight = 0
        self._weight_window = 0
        self._order_limits: dict[int, tuple[int, int, int]] = {}
        self._blocked_until = 0.0

    @property
    def weight_used(self) -> int:
        """Weight used in the minute last seen."""
        return self._weight

    def find_order_limit(self, window_seconds: int) -> int:
        """Return how many orders the exchange takes from the account in such a window; a cautious guess until told."""
        return self._order_limits.get(window_seconds, (_GUESSED_ORDERS, 0, 0))[0]

    def set_limits(self, rate_limits: Iterable[Mapping[str, Any]], now: float) -> None:
        """Take in `rateLimits` of exchangeInfo (limits) or of a WebSocket API answer (limits and counts)."""
        for entry in rate_limits:
            window = _WINDOW_SECONDS.get(entry.get("interval", ""), 0) * int(entry.get("intervalNum", 1))
            limit, count = int(entry["limit"]), entry.get("count")
            if entry.get("rateLimitType") == "REQUEST_WEIGHT" and window == 60:
                self._weight_limit = limit
                if count is not None:
                    self.note_weight(int(count), now)
            elif entry.get("rateLimitType") == "ORDERS" and window:
                known = self._order_limits.get(window, (limit, 0, 0))
                self._order_limits[window] = (
                    limit,
                    *(known[1:] if count is None else (int(count), int(now // window))),
                )

    def note_weight(self, used: int, now: float) -> None:
        """Take in the weight used in the current minute."""
        self._weight, self._weight_window = used, int(now // 60)

    def block(self, seconds: float, now: float) -> None:
        """Send nothing for so long: the exchange said so (429, 418)."""
        self._blocked_until = max(self._blocked_until, now + seconds)

    async def wait(self, purpose: Purpose) -> None:
        """Return when a request of that purpose may go."""
        while (seconds := self.seconds_until_free(purpose, time.time())) > 0:  # noqa: ASYNC110 - nobody sets the time
            # In short steps: a cancel must not wait for a minute's end that other news has made pointless.
            await asyncio.sleep(min(seconds, 1.0))

    def seconds_until_free(self, purpose: Purpose, now: float) -> float:
        """Return how long a request of that purpose has to wait; 0 when it may go at once.

        Windows are aligned to the clock (Binance, "Rate limits"), so a full one is free again at its end.
        """
        if now < self._blocked_until:
            return self._blocked_until - now
        share = _SHARE[purpose]
        if self._weight_window == int(now // 60) and self._weight >= self._weight_limit * share:
            return 60 - now % 60
        if purpose is Purpose.ORDER:
            for window, (limit, count, seen) in self._order_limits.items():
                # The last tenth stays for what brings risk down: Flatten and the dead man's action.
                if seen == int(now // window) and count >= limit * 0.9:
                    return window - now % window
        return 0.0
