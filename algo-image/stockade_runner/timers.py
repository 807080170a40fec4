"""The timers of a strategy: named, repeated or not, in the order in which they are due."""

import heapq
from typing import NamedTuple


class _Due(NamedTuple):
    due_ns: int
    number: int
    """The order in which timers were set, so that two that are due together fire in it."""
    name: str


class Timers:
    """Times are nanoseconds of one monotonic clock, given by the caller."""

    def __init__(self) -> None:
        self._heap: list[_Due] = []
        self._valid: dict[str, tuple[int, int | None]] = {}
        """Name to the number of its newest setting, and the interval when it repeats."""
        self._count = 0

    def set(self, name: str, now_ns: int, interval_ns: int, *, repeat: bool) -> None:
        """Set a timer; one of the same name is replaced."""
        self._count += 1
        self._valid[name] = (self._count, interval_ns if repeat else None)
        heapq.heappush(self._heap, _Due(now_ns + interval_ns, self._count, name))

    def cancel(self, name: str) -> None:
        """Forget a timer."""
        self._valid.pop(name, None)

    def next_due_ns(self) -> int | None:
        """Return when the next timer is due, None when there is none."""
        while self._heap and self._valid.get(self._heap[0].name, (0, None))[0] != self._heap[0].number:
            heapq.heappop(self._heap)
        return self._heap[0].due_ns if self._heap else None

    def pop_due(self, now_ns: int) -> str | None:
        """Return the name of one timer that is due, None when none is; a repeated one is set anew.

        A repeated timer that was missed several times fires once: nobody wants ten decisions on the same prices.
        """
        due_ns = self.next_due_ns()
        if due_ns is None or due_ns > now_ns:
            return None
        due = heapq.heappop(self._heap)
        _, interval_ns = self._valid.pop(due.name)
        if interval_ns is not None:
            elapsed = (now_ns - due.due_ns) // interval_ns * interval_ns
            self.set(due.name, due.due_ns + elapsed, interval_ns, repeat=True)
        return due.name
