"""The supervised connection on a real WebSocket: too old or silent for too long, it is replaced by a new one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from stockade_gateway.exchange import connection
from stockade_gateway.exchange.connection import SupervisedConnection

DEADLINE_SECONDS = 60


class Told:
    """What the owner was told, up and gone in turn."""

    def __init__(self) -> None:
        self.changes: list[bool] = []
        self._is_back = asyncio.Event()

    def take(self, connected: bool) -> None:  # noqa: FBT001 - the supervisor's callback
        """Write it down."""
        self.changes.append(connected)
        if len(self.changes) == 3:
            self._is_back.set()

    async def wait_for_second(self) -> None:
        """Wait until it was up, gone and up again."""
        await asyncio.wait_for(self._is_back.wait(), DEADLINE_SECONDS)
        assert self.changes[:3] == [True, False, True]


@asynccontextmanager
async def run_supervised(*, quiet_seconds: float | None, chatters: bool) -> AsyncIterator[Told]:
    """Run a connection to a server that talks or keeps still."""
    told = Told()

    async def talk(peer: ServerConnection) -> None:
        while chatters:
            await peer.send("{}")
            await asyncio.sleep(0.05)
        await peer.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        supervised = SupervisedConnection(
            "test",
            f"ws://127.0.0.1:{port}",
            on_text=lambda *_: None,
            on_open=lambda: asyncio.sleep(0),
            on_change=told.take,
            quiet_seconds=quiet_seconds,
        )
        running = asyncio.ensure_future(supervised.run())
        yield told
        running.cancel()
        await asyncio.wait({running})


async def test_one_that_is_nearly_a_day_old_is_replaced_though_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection._LONGEST_LIFE_SECONDS < 24 * 3600, "the exchange ends each after 24 hours"
    monkeypatch.setattr(connection, "_LONGEST_LIFE_SECONDS", 0.5)
    async with run_supervised(quiet_seconds=None, chatters=True) as told:
        await told.wait_for_second()


async def test_one_that_has_been_silent_for_too_long_is_replaced() -> None:
    async with run_supervised(quiet_seconds=0.5, chatters=False) as told:
        await told.wait_for_second()
