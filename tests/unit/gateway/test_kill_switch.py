"""The account's kill switch and its end: what was begun is finished, and what comes afterwards is left alone."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from stockade_gateway import on_stop
from stockade_gateway.filters import OrderRequest
from stockade_gateway.kill_switch import KillSwitch
from stockade_gateway.reconcile import Reconciler
from tests.support.gateway_orders import BTCUSDT
from tests.unit.gateway.test_books import World
from tests.unit.gateway.test_desk import ReadyReconciler, SilentApi, make_desk

REQUEST = OrderRequest(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=BTCUSDT.lot.minimum)


class SlowApi(SilentApi):
    """Accepts orders at once, and answers cancels when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.cancelled: list[str] = []

    async def answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Accept, or cancel in the end."""
        if method == "order.place":
            return await super().answer(method, parameters)
        name = parameters["origClientOrderId"]
        self.cancelled.append(name)
        await self.may_answer.wait()
        accepted = await super().answer(method, {"newClientOrderId": "the-cancels-own"})
        return {**accepted, "origClientOrderId": name, "status": "CANCELED"}


class Stage:
    """A desk under an account's switch."""

    def __init__(self, folder: Path) -> None:
        self.world, self.api = World(folder), SlowApi()
        self.desk = make_desk(folder, self.world, self.api)
        self.switch = KillSwitch(self.desk, cast("Reconciler", ReadyReconciler()))
        self._file, self._generation = folder / "control", 1

    def set_account(self, trading: str) -> None:
        """Bring a new control into force, as the sidecar does: the switch is told before anything else happens."""
        self._generation += 1
        control = {"generation": self._generation, "trading": "Active", "account": {"trading": trading}}
        self._file.write_text(json.dumps(control))
        assert self.desk.control_file.poll()
        self.switch.check()

    async def place(self) -> str:
        """Place an order and wait until it rests."""
        name, denial = self.desk.submit(REQUEST, closing=True)
        assert denial is None
        await self.wait_for_state(name, "ACCEPTED")
        return name

    async def wait_for_state(self, name: str, state: str) -> None:
        """Wait until an order is in that state."""
        async with asyncio.timeout(30):
            while self.state_of(name) != state:  # noqa: ASYNC110 - a condition of objects without events
                await asyncio.sleep(0.01)

    def state_of(self, name: str) -> str:
        """Return an order's state."""
        order = self.world.books.orders.get(name)
        assert order is not None
        return order.state.value


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(on_stop, "_CANCEL_AGAIN_SECONDS", 0.05)
    stage = Stage(tmp_path)
    yield stage
    stage.switch.close()
    stage.desk.close()


async def test_a_cancel_begun_is_finished_and_orders_of_the_time_after_are_left_alone(stage: Stage) -> None:
    before = await stage.place()
    stage.set_account("Halted")
    await stage.wait_for_state(before, "PENDING_CANCEL")
    stage.set_account("Active")
    after = await stage.place()
    # As long as a round, which looks for open orders again and again, would have needed to find it.
    await asyncio.sleep(0.5)
    assert (stage.state_of(after), stage.api.cancelled, stage.switch.result) == ("ACCEPTED", [before], None)
    stage.api.may_answer.set()
    await stage.wait_for_state(before, "CANCELED")
    assert stage.state_of(after) == "ACCEPTED"


async def test_halted_once_more_it_cancels_those_too(stage: Stage) -> None:
    before = await stage.place()
    for trading in ("Halted", "Active"):
        stage.set_account(trading)
    after = await stage.place()
    stage.api.may_answer.set()
    stage.set_account("Halted")
    async with asyncio.timeout(30):
        while stage.switch.result is None or stage.switch.result.result != "Done":
            stage.switch.check()
            await asyncio.sleep(0.01)
    assert [stage.state_of(name) for name in (before, after)] == ["CANCELED", "CANCELED"]
