"""Plays a feed in real time: waits until each event is due and lets it happen."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, Protocol

from stockade_paper.exchange import Exchange
from stockade_paper.market_events import MarketEvent

LOG = logging.getLogger(__name__)
BATCHES_PER_BREATH = 20


class Feed(Protocol):
    """What every feed can be told."""

    def start(self) -> None:
        """Begin or go on."""

    def pause(self) -> None:
        """Let no event happen until the next `start`."""

    async def stop(self) -> None:
        """End for good."""

    def describe(self) -> dict[str, Any]:
        """Write name, state and the number of events so far."""


class Player:
    """One feed; it is started once, may be paused, and says where it is."""

    def __init__(self, name: str, exchange: Exchange, events: Iterator[tuple[float, list[MarketEvent]]]) -> None:
        self.name = name
        self.state = "waiting"
        self.applied = 0
        self._exchange = exchange
        self._events = events
        self._task: asyncio.Task[None] | None = None
        self._running = asyncio.Event()

    def start(self) -> None:
        """Begin or go on; a feed that has ended stays ended."""
        if self.state == "ended":
            return
        self.state = "running"
        self._running.set()
        if self._task is None:
            self._task = asyncio.create_task(self._play())

    def pause(self) -> None:
        """Let no event happen until the next `start`."""
        if self.state == "running":
            self.state = "paused"
            self._running.clear()

    async def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def describe(self) -> dict[str, Any]:
        """Write where the feed is."""
        return {"name": self.name, "state": self.state, "events": self.applied}

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number, (due_seconds, events) in enumerate(self._events):
            if not self._running.is_set():
                paused = loop.time()
                await self._running.wait()
                started += loop.time() - paused
            wait = started + due_seconds - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % BATCHES_PER_BREATH == 0:
                # A fast feed must let the clients be served in between.
                await asyncio.sleep(0)
            self._apply(events)
        self.state = "ended"

    def _apply(self, events: list[MarketEvent]) -> None:
        for event in events:
            self._exchange.apply_feed(event)
            self.applied += 1
