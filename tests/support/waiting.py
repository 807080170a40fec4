"""Waiting for a condition with a deadline: what every test on a noisy machine does instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


def wait_until(
    probe: Callable[[], Seen],
    what: str,
    *,
    holds: Callable[[Seen], bool] = bool,
    deadline_seconds: float = 60.0,
    pause_seconds: float = 0.2,
) -> Seen:
    """Ask `probe` until `holds` says yes and return what was seen then.

    Raises AssertionError with `what` and what was seen last once the deadline has passed.
    """
    ends = time.monotonic() + deadline_seconds
    while True:
        seen = probe()
        if holds(seen):
            return seen
        if time.monotonic() > ends:
            raise AssertionError(f"waited {deadline_seconds:.0f} s for {what}; last seen: {seen!r}")
        time.sleep(pause_seconds)
