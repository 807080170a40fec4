"""Timers: the order in which they fire, and what replacing and forgetting them does."""

from stockade_runner.timers import Timers


def _fire_all(timers: Timers, now_ns: int) -> list[str]:
    names = []
    while (name := timers.pop_due(now_ns)) is not None:
        names.append(name)
    return names


def test_timers_fire_when_due_in_the_order_they_were_set() -> None:
    timers = Timers()
    timers.set("b", 0, 10, repeat=False)
    timers.set("a", 0, 10, repeat=False)
    timers.set("early", 0, 5, repeat=False)
    assert timers.next_due_ns() == 5
    assert _fire_all(timers, 4) == []
    assert _fire_all(timers, 10) == ["early", "b", "a"]
    assert timers.next_due_ns() is None


def test_a_repeated_timer_keeps_its_beat_and_does_not_catch_up() -> None:
    timers = Timers()
    timers.set("tick", 0, 10, repeat=True)
    assert _fire_all(timers, 10) == ["tick"]
    assert timers.next_due_ns() == 20
    assert _fire_all(timers, 57) == ["tick"]
    assert timers.next_due_ns() == 60


def test_a_timer_of_the_same_name_replaces() -> None:
    timers = Timers()
    timers.set("tick", 0, 10, repeat=True)
    timers.set("tick", 0, 100, repeat=False)
    assert _fire_all(timers, 99) == []
    assert _fire_all(timers, 100) == ["tick"]
    assert _fire_all(timers, 1000) == []


def test_a_forgotten_timer_does_not_fire() -> None:
    timers = Timers()
    timers.set("tick", 0, 10, repeat=True)
    timers.cancel("tick")
    timers.cancel("never set")
    assert timers.next_due_ns() is None
    assert _fire_all(timers, 100) == []
