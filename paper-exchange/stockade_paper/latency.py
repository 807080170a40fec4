"""How long things take on the way to and from a far exchange; off by default, then nothing is added.

The figures are those of a client near Tokyo: half and worst hundredth of a log-normal distribution.
"""

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

HALF_AND_WORST_MS = {"rest": (10.0, 50.0), "websocket-api": (5.0, 20.0), "streams": (4.0, 13.0)}
WORST_HUNDREDTH = 2.3263  # The standard normal distribution is below this in 99 of 100 cases.
USER_EVENT_SPREAD_MS = 3.0
TIMEOUT_SHARE = 0.0001
TIMEOUT_SECONDS = 10.0
TIMEOUT_STATUS = 504

Item = TypeVar("Item")


class LatencyModel:
    """Draws delays in seconds, reproducibly from its seed; all of them are zero when it is not `enabled`."""

    def __init__(self, seed: int, *, enabled: bool) -> None:
        self.enabled = enabled
        self._source = random.Random(f"{seed}/latency")  # noqa: S311 - reproducible on purpose

    def draw(self, way: str) -> float:
        """Return how long a round trip (`rest`, `websocket-api`) or the way of a message (`streams`) takes."""
        if not self.enabled:
            return 0.0
        half, worst = HALF_AND_WORST_MS[way]
        return half * math.exp(math.log(worst / half) / WORST_HUNDREDTH * self._source.gauss(0, 1)) / 1000

    def draw_half(self, way: str) -> float:
        """Return how long a request is on its way to the matching engine."""
        return self.draw(way) / 2

    def draw_reply(self, way: str, status: int) -> float:
        """Return how long the answer with this status takes from there; Binance gives up after ten seconds."""
        if self.enabled and status == TIMEOUT_STATUS:
            return TIMEOUT_SECONDS
        return self.draw_half(way)

    def draw_user_event(self) -> float:
        """Return how long a user event takes: about as long as the reply, which may come before or after it."""
        if not self.enabled:
            return 0.0
        return self.draw_half("websocket-api") + self._source.uniform(0, USER_EVENT_SPREAD_MS) / 1000

    def draw_timeout(self) -> bool | None:
        """Return None, or once in ten thousand orders whether the order that times out was executed."""
        if not self.enabled or self._source.random() >= TIMEOUT_SHARE:
            return None
        return self._source.random() < 0.5


class DelayLine(Generic[Item]):
    """Hands items on after their delay and never out of order: one that is late holds up those behind it."""

    def __init__(self, deliver: Callable[[Item], None]) -> None:
        self._deliver = deliver
        self._waiting: deque[tuple[float, Item]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, item: Item, seconds: float) -> None:
        """Deliver `item` in `seconds`, at once when that is zero and nothing waits."""
        if seconds <= 0 and not self._waiting:
            self._deliver(item)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, item))
        if self._timer is None:
            self._timer = loop.call_at(due, self._release)

    def close(self) -> None:
        """Drop what still waits."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        # A timer may fire a little early, so its own item is due even if the clock does not say so yet.
        due = max(loop.time(), self._waiting[0][0])
        while self._waiting and self._waiting[0][0] <= due:
            self._deliver(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._release)
