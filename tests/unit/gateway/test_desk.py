"""The desk and the stop actions between a real journal and an exchange that only writes down what it is sent."""

import json
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from stockade_gateway import dead_man_action
from stockade_gateway.control import ControlFile, DeadMan, StopAction
from stockade_gateway.dead_man import DeadManSwitch
from stockade_gateway.dead_man_action import DeadManAction
from stockade_gateway.desk import Desk
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.filters import OrderRequest
from stockade_gateway.journal import open_journal
from stockade_gateway.market import Market
from stockade_gateway.on_stop import StopResult, carry_out
from stockade_gateway.orders import OrderState
from stockade_gateway.rate_budget import RateBudget
from stockade_gateway.reconcile import Reconciler
from stockade_wire.order_ids import OrderIds
from tests.support.gateway_orders import BTCUSDT, PREFIX, make_execution, make_order, make_report
from tests.unit.gateway.test_books import World

REQUEST = OrderRequest(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=BTCUSDT.lot.minimum)


class SilentApi:
    """Writes down what it is sent."""

    connected = True

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, method: str, parameters: dict[str, Any]) -> Awaitable[dict[str, Any]]:
        """Take it in at once and answer later."""
        self.sent.append(method)
        return self.answer(method, parameters)

    async def answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - for who overrides it
        """Accept an order."""
        return {
            "symbol": "BTCUSDT", "orderId": 9, "clientOrderId": parameters["newClientOrderId"], "status": "NEW",
            "side": "BUY", "type": "MARKET", "origQty": "1", "executedQty": "0", "transactTime": 1_760_000_000_000,
        }  # fmt: skip


class ReadyReconciler:
    """A reconciler that has nothing to do."""

    pending = None
    past_unknown = None
    last_time = "now"

    async def find_differences(self, _since_ns: int) -> list[str]:
        """Find that the exchange says the same."""
        return []


def make_desk(
    folder: Path, world: World, api: SilentApi, status: str = "TRADING", budget: RateBudget | None = None
) -> Desk:
    file = folder / "control"
    file.write_text(json.dumps({"generation": 1, "trading": "Active"}))
    control_file = ControlFile(file)
    control_file.poll()
    return Desk(
        books=world.books,
        rules={"BTCUSDT": msgspec.structs.replace(BTCUSDT, status=status)},
        symbols=("BTCUSDT",),
        market=Market(),
        control_file=control_file,
        ids=OrderIds(PREFIX, time.time_ns() // 1_000_000),
        api=cast("WebsocketApi", api),
        rest=cast("RestClient", None),
        budget=budget or RateBudget(),
    )


async def test_an_order_is_sent_in_the_call_that_decides_so_that_no_halt_can_come_between(tmp_path: Path) -> None:
    world, api = World(tmp_path), SilentApi()
    desk = make_desk(tmp_path, world, api)
    name, denial = desk.submit(REQUEST, closing=True)
    assert (denial, api.sent) == (None, ["order.place"])
    assert [row.client_order_id for row in world.ledger.order_events] == [name]
    (tmp_path / "control").write_text(json.dumps({"generation": 22, "trading": "Halted"}))
    desk.control_file.poll()
    _, denial = desk.submit(REQUEST, closing=True)
    assert denial is not None
    assert (denial.code, api.sent) == ("TRADING_HALTED", ["order.place"])
    await desk.settle()
    assert [order.state for order in world.books.orders.all()] == [OrderState.ACCEPTED]
    desk.close()


async def test_an_order_is_in_the_journal_before_the_exchange_and_in_the_ledger_after_it(tmp_path: Path) -> None:
    world, seen = World(tmp_path), list[tuple[int, int]]()

    class WatchingApi(SilentApi):
        def send(self, method: str, parameters: dict[str, Any]) -> Awaitable[dict[str, Any]]:
            journal, records, _ = open_journal(tmp_path)
            journal.close()
            seen.append((len(records), len(world.ledger.order_events)))
            return super().send(method, parameters)

    told = list[OrderState]()
    world.books.tell = lambda change: told.append(change.order.state)
    desk = make_desk(tmp_path, world, WatchingApi())
    desk.submit(REQUEST, closing=True)
    assert seen == [(1, 0)]
    assert (len(world.ledger.order_events), told) == (1, [])
    await desk.settle()
    # That it was submitted is said by the reply to the verb.
    assert told == [OrderState.ACCEPTED]
    desk.close()


async def test_the_seconds_to_wait_for_the_exchange_are_rounded_up(tmp_path: Path) -> None:
    budget = RateBudget()
    budget.block(60.4, time.time())
    desk = make_desk(tmp_path, World(tmp_path), SilentApi(), budget=budget)
    desk.set_readiness(cast("Reconciler", ReadyReconciler()))
    desk.market.connected = True
    desk.market.seed_quote("BTCUSDT", "1000000", "1000001", time.time_ns())
    _, denial = desk.submit(REQUEST)
    assert denial is not None
    assert (denial.code, "again in 61 s" in denial.message) == ("RATE_LIMIT_EXCEEDED", True)
    desk.close()


def test_orders_found_at_the_exchange_after_the_start_count_into_the_minute(tmp_path: Path) -> None:
    world = World(tmp_path)
    desk = make_desk(tmp_path, world, SilentApi())
    now_ms = time.time_ns() // 1_000_000
    for number, age_ms in ((1, 1000), (2, 59_000), (3, 61_000)):
        world.books.take_report(make_report("NEW", number=number, event_time_ms=now_ms - age_ms))
    assert desk.make_snapshot().orders_last_minute == 2
    # A second report of an order that is known is no second order.
    world.books.take_report(make_report("CANCELED", number=1, event_time_ms=now_ms))
    assert desk.make_snapshot().orders_last_minute == 2
    desk.close()


async def test_flatten_does_not_call_a_position_that_can_not_be_traded_dust(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.books.submit(make_order())
    world.books.take_report(make_report("FILLED", "1", make_execution(1, "1")))
    desk = make_desk(tmp_path, world, SilentApi(), status="BREAK")
    reconciler = cast("Reconciler", ReadyReconciler())
    result = await carry_out(StopAction.FLATTEN, desk, reconciler, deadline=time.monotonic() + 30)
    assert (result.result, "still held: 1 of BTCUSDT" in result.message) == ("Incomplete", True)
    desk.close()


async def test_the_dead_mans_action_is_repeated_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [StopResult("CancelOrders", "Incomplete", "the exchange is away"), StopResult("CancelOrders", "Done", "")]
    asked: list[StopAction] = []

    async def carry_out_in_turn(action: StopAction, *_world: object, **_details: object) -> StopResult:
        asked.append(action)
        return results[len(asked) - 1]

    monkeypatch.setattr(dead_man_action, "carry_out", carry_out_in_turn)
    monkeypatch.setattr(dead_man_action, "_PAUSE_SECONDS", 0)
    switch = DeadManSwitch(0)
    assert switch.take_due_action(DeadMan(after_seconds=1, action=StopAction.CANCEL_ORDERS), 2) is not None
    dead_man = DeadManAction(switch, cast("Desk", None), cast("Reconciler", None))
    await dead_man.act(StopAction.CANCEL_ORDERS)
    assert len(asked) == 2
    assert dead_man.result is results[1]


async def test_the_short_window_of_orders_takes_nothing_from_the_minutes(tmp_path: Path) -> None:
    world, api = World(tmp_path), SilentApi()
    desk = make_desk(tmp_path, world, api)
    now_ns = time.time_ns()
    for number, age_seconds in enumerate((70, 50, 30, 5, 1)):
        created_ns = now_ns - age_seconds * 1_000_000_000
        world.books.orders.add(make_order(client_order_id=f"{PREFIX}{number + 1}", created_time_ns=created_ns))
    for _ in range(2):
        snapshot = desk.make_snapshot()
        assert (snapshot.orders_last_minute, snapshot.orders_last_ten_seconds) == (4, 2)
    desk.close()
