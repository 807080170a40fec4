"""Flatten is done when the exchange says so, too: what it has differently, and that it can't be asked, are told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from stockade_gateway import on_stop
from stockade_gateway.control import StopAction
from stockade_gateway.desk import Desk
from stockade_gateway.errors import StatusUnknownError
from stockade_gateway.on_stop import StopResult, carry_out
from stockade_gateway.reconcile import Reconciler
from tests.support.gateway_orders import make_execution, make_order, make_report
from tests.unit.gateway.test_books import World
from tests.unit.gateway.test_desk import ReadyReconciler, SilentApi, make_desk

Find = Callable[[], Awaitable[list[str]]]


class FillingApi(SilentApi):
    """Fills each market order at once."""

    async def answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Fill it."""
        accepted = await super().answer(method, parameters)
        quantity = parameters["quantity"]
        fill = {
            "price": "100",
            "qty": quantity,
            "commission": "0",
            "commissionAsset": "USDT",
            "tradeId": len(self.sent),
        }
        filled = {"status": "FILLED", "origQty": quantity, "executedQty": quantity, "side": parameters["side"]}
        return {**accepted, **filled, "fills": [{**fill, "isMaker": False}]}


class Exchange(ReadyReconciler):
    """Says in turn what the test put in; the last word stays."""

    def __init__(self, *words: Find) -> None:
        self._words = list(words)
        self.asked = 0

    async def find_differences(self, since_ns: int) -> list[str]:
        """Say the next thing."""
        assert 0 <= time.time_ns() - since_ns < 60_000_000_000, "what was made since the flattening began is asked for"
        self.asked += 1
        return await (self._words.pop(0) if len(self._words) > 1 else self._words[0])()


class Stage:
    """A desk that holds one bitcoin, and everything it sends fills."""

    def __init__(self, folder: Path) -> None:
        self.world, self.api = World(folder), FillingApi()
        self.world.books.submit(make_order())
        self.world.books.take_report(make_report("FILLED", "1", make_execution(1, "1")))
        self.desk: Desk = make_desk(folder, self.world, self.api)
        self.desk.market.seed_quote("BTCUSDT", "100", "101", time.time_ns())

    async def flatten(self, exchange: Exchange, seconds: float = 30) -> StopResult:
        """Flatten within so many seconds."""
        reconciler = cast("Reconciler", exchange)
        return await carry_out(StopAction.FLATTEN, self.desk, reconciler, deadline=time.monotonic() + seconds)

    async def fill_late(self) -> list[str]:
        """Learn from the exchange of another execution."""
        self.world.books.submit(make_order(number=2))
        self.world.books.take_report(make_report("FILLED", "1", make_execution(2, "1", number=2), number=2))
        return []


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(on_stop, "_ASK_AGAIN_SECONDS", 0.01)
    stage = Stage(tmp_path)
    yield stage
    stage.desk.close()


async def agree() -> list[str]:
    return []


async def differ() -> list[str]:
    return ["made-up-7 is open at the exchange"]


async def fail() -> list[str]:
    raise StatusUnknownError("no answer from the exchange (ConnectionRefusedError)")


async def keep_still() -> list[str]:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def test_flat_is_what_the_exchange_says_is_flat(stage: Stage) -> None:
    exchange = Exchange(agree)
    result = await stage.flatten(exchange)
    assert (result.result, "with 1 orders, as the exchange says" in result.message) == ("Done", True)
    assert exchange.asked == 1
    assert stage.world.books.positions.quantity("BTCUSDT") == 0


async def test_what_the_exchange_has_differently_makes_it_incomplete(stage: Stage) -> None:
    result = await stage.flatten(Exchange(differ))
    assert (result.result, "made-up-7 is open at the exchange" in result.message) == ("Incomplete", True)


async def test_an_answer_that_lagged_behind_is_asked_for_again(stage: Stage) -> None:
    exchange = Exchange(differ, agree)
    assert (await stage.flatten(exchange)).result == "Done"
    assert exchange.asked == 2


async def test_what_the_exchange_tells_of_only_then_is_closed_too(stage: Stage) -> None:
    result = await stage.flatten(Exchange(stage.fill_late, agree))
    assert (result.result, "with 2 orders" in result.message) == ("Done", True)
    assert stage.world.books.positions.quantity("BTCUSDT") == 0


async def test_an_exchange_that_is_away_for_a_moment_is_asked_again(stage: Stage) -> None:
    exchange = Exchange(fail, fail, agree)
    assert (await stage.flatten(exchange)).result == "Done"
    assert exchange.asked == 3


@pytest.mark.parametrize(("word", "reason"), [(fail, "ConnectionRefusedError"), (keep_still, "did not answer in time")])
async def test_an_exchange_that_stays_away_makes_it_incomplete_by_the_deadline(
    stage: Stage, word: Find, reason: str
) -> None:
    async with asyncio.timeout(30):
        result = await stage.flatten(Exchange(word), seconds=0.5)
    assert (result.result, reason in result.message) == ("Incomplete", True)
    assert stage.world.books.positions.quantity("BTCUSDT") == 0
