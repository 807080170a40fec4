"""Faults: when, how often and how likely they strike, and what a wrong wish is told."""

from typing import Any

import pytest

from stockade_paper.errors import ConfigurationError
from stockade_paper.faults import COUNTED_KINDS, KINDS, TIMED_KINDS, Fault, Faults, read_fault


class Clock:
    """A clock that tests move."""

    now_ms = 1_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def strikes(faults: Faults, kind: str, occasions: int) -> list[bool]:
    """Return at which occasions a fault strikes."""
    return [faults.strike(kind) is not None for _ in range(occasions)]


def test_count_and_skip(clock: Clock) -> None:
    faults = Faults(clock)
    faults.arm({"kind": "drop-order-reply", "skip": 2, "count": 2})
    assert strikes(faults, "order-timeout", 3) == [False, False, False]
    assert strikes(faults, "drop-order-reply", 6) == [False, False, True, True, False, False]
    assert faults.armed == []


def test_probability_is_reproducible_and_null_never_ends(clock: Clock) -> None:
    drawn = []
    for seed in (7, 7, 8):
        faults = Faults(clock, seed)
        faults.arm({"kind": "lose-user-events", "probability": 0.3, "count": None})
        drawn.append(strikes(faults, "lose-user-events", 1000))
    assert drawn[0] == drawn[1] != drawn[2]
    assert 250 < sum(drawn[0]) < 350


def test_a_chosen_moment(clock: Clock) -> None:
    faults = Faults(clock)
    faults.arm({"kind": "order-timeout", "afterSeconds": 5, "seconds": 2, "count": None})
    faults.arm({"kind": "freeze-streams", "afterSeconds": 5, "seconds": 2})
    seen = []
    for offset in (0, 4_999, 5_000, 6_999, 7_000):
        clock.now_ms = 1_000_000 + offset
        seen.append((faults.strike("order-timeout") is not None, faults.find_active("freeze-streams") is not None))
    assert seen == [(False, False), (False, False), (True, True), (True, True), (False, False)]
    assert faults.armed == []


def test_each_strike_is_told(clock: Clock) -> None:
    told: list[Fault] = []
    faults = Faults(clock)
    faults.on_strike = told.append
    faults.arm({"kind": "duplicate-replies", "count": 2})
    strikes(faults, "duplicate-replies", 5)
    assert len(told) == 2


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({}, "kind: 'None' is unknown; write one of ban-address"),
        ({"kind": "order-timeout", "cuont": 1}, "'cuont' is unknown; write any of afterSeconds"),
        ({"kind": "order-timeout", "count": 0}, "count: '0' would never strike"),
        ({"kind": "order-timeout", "count": -1}, "count: '-1' is not allowed; write a whole number"),
        ({"kind": "order-timeout", "probability": 2}, "probability: '2' is not allowed; write a number from 0 to 1"),
        ({"kind": "order-timeout", "afterSeconds": "x"}, "afterSeconds: 'x' is not allowed; write a number of seconds"),
        ({"kind": "order-timeout", "executed": "yes"}, "executed: 'yes' is not allowed; write true or false"),
        ({"kind": "freeze-streams", "count": 1}, "count: freeze-streams lasts for `seconds`"),
        ({"kind": "delay-replies", "milliseconds": -1}, "milliseconds: '-1' is not allowed"),
        ({"kind": "rest-status", "status": 200}, r"status: write one of \[403, 418"),
    ],
)
def test_a_wrong_wish_says_what_to_write(wish: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_fault(wish, 0)


def test_only_a_clock_may_go_back() -> None:
    assert read_fault({"kind": "skew-clock", "milliseconds": -5000}, 0).milliseconds == -5000
    assert not COUNTED_KINDS.keys() & TIMED_KINDS.keys()
    assert len(KINDS) == len(COUNTED_KINDS) + len(TIMED_KINDS)
