"""Which objects are to be reconciled, by how many workers at once, and when one that failed is tried again.

Apart from the reconcilers so that the promises of a level-triggered loop are kept in one place: one reconcile per
object at a time, an event during a reconcile leads to one more, a slow object holds up no other.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from stockade_operator import metrics
from stockade_operator.errors import ConflictError, GoneError, OperatorError
from stockade_operator.observed import Key

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 60.0
CONFLICT_SECONDS = 0.1
LONGEST_YIELD_SECONDS = 10.0
"""How long anything lets a queue go first: what stands still there must not hold up everything else."""

logger = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[float | None]]
"""Reconciles one object; returns in how many seconds to look at it again, or None for when something happens."""


class WorkQueue:
    """The keys of one kind that wait for a worker; those of the queue that goes `first` are taken up before."""

    def __init__(self, kind: str, reconcile: Reconcile, workers: int, first: "WorkQueue | None" = None) -> None:
        self.kind = kind
        self._reconcile = reconcile
        self._workers = workers
        self._first = first
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._taken_up = asyncio.Event()
        self._taken_up.set()

    def add(self, key: Key) -> None:
        """Have the object reconciled as soon as a worker is free."""
        if key not in self._waiting:
            self._waiting.add(key)
            if key not in self._running:
                self._make_ready(key)
        metrics.QUEUE_DEPTH.labels(self.kind).set(len(self._waiting))

    def add_later(self, key: Key, seconds: float) -> None:
        """Have the object reconciled after a while, or earlier when something asked for that already."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        known = self._timers.get(key)
        if known is not None:
            if known.when() <= due:
                return
            known.cancel()
        self._timers[key] = loop.call_at(due, self._fire, key)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def wait_until_taken_up(self) -> None:
        """Return when no key waits for a worker any more, or at the latest after ten seconds."""
        if not self._taken_up.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._taken_up.wait(), LONGEST_YIELD_SECONDS)

    def _make_ready(self, key: Key) -> None:
        self._ready.put_nowait(key)
        self._taken_up.clear()

    def _fire(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            if self._first is not None:
                await self._first.wait_until_taken_up()
            self._waiting.discard(key)
            self._running.add(key)
            if self._ready.empty():
                self._taken_up.set()
            try:
                await self._attempt(key)
            finally:
                self._running.discard(key)
                if key in self._waiting:
                    self._make_ready(key)

    async def _attempt(self, key: Key) -> None:
        try:
            with metrics.RECONCILE_SECONDS.labels(self.kind).time():
                again = await self._reconcile(key)
        except (ConflictError, GoneError) as conflict:
            # Usually our own last write, or an end, that the watch has not brought back yet.
            metrics.RECONCILES.labels(self.kind, "conflict").inc()
            logger.debug("%s: %s", key, conflict)
            self._retry(key, CONFLICT_SECONDS)
        except OperatorError as error:
            metrics.RECONCILES.labels(self.kind, "failed").inc()
            logger.warning("%s %s/%s: %s", *key, error)
            self._retry(key, FIRST_RETRY_SECONDS)
        except Exception:
            metrics.RECONCILES.labels(self.kind, "failed").inc()
            logger.exception("%s %s/%s: defect in the reconcile", *key)
            self._retry(key, FIRST_RETRY_SECONDS)
        else:
            metrics.RECONCILES.labels(self.kind, "done").inc()
            self._failures.pop(key, None)
            if again is not None:
                self.add_later(key, again)

    def _retry(self, key: Key, first_seconds: float) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_later(key, min(first_seconds * 2 ** min(failures, 10), LAST_RETRY_SECONDS))
