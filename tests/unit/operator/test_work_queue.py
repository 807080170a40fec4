"""The promises of the work queue and of the memory behind it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stockade_operator import work_queue
from stockade_operator.errors import ConflictError
from stockade_operator.observed import Key, Observed
from stockade_operator.work_queue import WorkQueue

ONE, OTHER = Key("Algorithm", "tenant-a", "one"), Key("Algorithm", "tenant-a", "other")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - any condition, not one event
            await asyncio.sleep(0.005)


async def test_an_event_during_a_reconcile_leads_to_one_more_and_never_to_two_at_once() -> None:
    running, most, done = 0, 0, 0
    gate = asyncio.Event()

    async def reconcile(_: Key) -> float | None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        done += 1
        return None

    queue = WorkQueue("Algorithm", reconcile, workers=4)
    task = asyncio.create_task(queue.run())
    queue.add(ONE)
    await until(lambda: running == 1)
    for _ in range(5):
        queue.add(ONE)
    gate.set()
    await until(lambda: done == 2)
    assert most == 1
    task.cancel()


async def test_a_slow_object_holds_up_no_other() -> None:
    seen: list[Key] = []

    async def reconcile(key: Key) -> float | None:
        if key == ONE:
            await asyncio.Event().wait()
        seen.append(key)
        return None

    queue = WorkQueue("Algorithm", reconcile, workers=2)
    task = asyncio.create_task(queue.run())
    queue.add(ONE)
    queue.add(OTHER)
    await until(lambda: seen == [OTHER])
    task.cancel()


async def test_what_failed_is_tried_again_and_a_defect_stops_nobody_else() -> None:
    calls: dict[Key, int] = {ONE: 0, OTHER: 0}

    async def reconcile(key: Key) -> float | None:
        calls[key] += 1
        if key == ONE and calls[key] < 3:
            raise ConflictError("changed")
        if key == OTHER and calls[key] < 2:
            raise ZeroDivisionError
        return None

    queue = WorkQueue("Algorithm", reconcile, workers=1)
    task = asyncio.create_task(queue.run())
    queue.add(ONE)
    queue.add(OTHER)
    await until(lambda: calls == {ONE: 3, OTHER: 2})
    task.cancel()


async def test_the_earlier_of_two_times_counts() -> None:
    done: list[Key] = []

    async def reconcile(key: Key) -> float | None:
        done.append(key)
        return None

    queue = WorkQueue("Algorithm", reconcile, workers=1)
    task = asyncio.create_task(queue.run())
    queue.add_later(ONE, 3600)
    queue.add_later(ONE, 0.01)
    queue.add_later(ONE, 3600)
    await until(lambda: done == [ONE])
    task.cancel()


async def test_what_goes_first_is_taken_up_before_anything_else_begins() -> None:
    begun: list[str] = []

    async def switch(key: Key) -> float | None:
        begun.append(f"switch {key.name}")
        await asyncio.sleep(0)
        return None

    async def report(key: Key) -> float | None:
        begun.append(f"report {key.name}")
        return None

    control = WorkQueue("Control", switch, workers=1)
    rest = WorkQueue("Algorithm", report, workers=2, first=control)
    tasks = [asyncio.create_task(queue.run()) for queue in (rest, control)]
    for key in (ONE, OTHER):
        rest.add(key)
        control.add(key)
    await until(lambda: len(begun) == 4)
    assert begun == ["switch one", "switch other", "report one", "report other"]
    for task in tasks:
        task.cancel()


async def test_what_goes_first_and_stands_still_holds_nobody_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "LONGEST_YIELD_SECONDS", 0.01)
    done: list[Key] = []

    async def stand_still(_: Key) -> float | None:
        await asyncio.Event().wait()
        return None

    async def report(key: Key) -> float | None:
        done.append(key)
        return None

    control = WorkQueue("Control", stand_still, workers=1)
    rest = WorkQueue("Algorithm", report, workers=1, first=control)
    tasks = [asyncio.create_task(queue.run()) for queue in (control, rest)]
    for key in (ONE, OTHER):
        control.add(key)
    rest.add(ONE)
    await until(lambda: done == [ONE])
    for task in tasks:
        task.cancel()


class OneObject:
    """A cluster that holds at most one object."""

    def __init__(self, held: dict[str, Any] | None) -> None:
        self.held = held

    async def get(  # noqa: D102 - a stand-in for Cluster.get
        self, _kind: str, _namespace: str | None, _name: str
    ) -> dict[str, Any] | None:
        return self.held


def make(version: int, name: str = "one") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "tenant-a", "resourceVersion": str(version)}}


async def test_memory_keeps_the_newest_and_believes_no_absence() -> None:
    cluster = OneObject(make(5))
    observed = Observed(cluster)  # type: ignore[arg-type] # as much of a cluster as it needs
    found = await observed.find("Algorithm", "tenant-a", "one")
    assert found == make(5)
    assert not observed.put("Algorithm", make(4))
    assert observed.peek(ONE) == make(5)
    assert observed.put("Algorithm", make(9))
    observed.drop("Algorithm", make(8))
    assert observed.peek(ONE) == make(9)
    observed.drop("Algorithm", make(10))
    assert observed.peek(ONE) is None
    cluster.held = None
    assert await observed.find("Algorithm", "tenant-a", "one") is None


async def test_a_list_that_is_older_than_a_deletion_brings_nothing_back() -> None:
    observed = Observed(OneObject(None))  # type: ignore[arg-type] # as much of a cluster as it needs
    observed.put("Algorithm", make(5))
    listed = [make(5)]
    observed.drop("Algorithm", make(6))
    await observed.settle("Algorithm", listed)
    assert observed.peek(ONE) is None
    await observed.settle("Algorithm", [make(7)])
    assert observed.peek(ONE) == make(7)


async def test_what_a_list_does_not_have_is_asked_for() -> None:
    observed = Observed(OneObject(make(8, "late")))  # type: ignore[arg-type] # as much of a cluster as it needs
    observed.put("Algorithm", make(8, "late"))
    await observed.settle("Algorithm", [])
    assert observed.peek(Key("Algorithm", "tenant-a", "late")) == make(8, "late")
    gone = Observed(OneObject(None))  # type: ignore[arg-type] # as much of a cluster as it needs
    gone.put("Algorithm", make(8))
    await gone.settle("Algorithm", [])
    assert gone.peek(ONE) is None
