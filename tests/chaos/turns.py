"""A thread in which everything happens to a pod or an account, one thing after the other, with looks in between.

Apart from both because what happens to them has to be kept in order in the same way.
"""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable

TURN_SECONDS = 0.25


class Turns:
    """Runs from `start` to `close`; `look_after` is called whenever nothing is to happen.

    What fails in an act is appended to `deaths`, and the next one goes on.
    """

    def __init__(self, name: str, look_after: Callable[[], None], deaths: list[str]) -> None:
        self._look_after = look_after
        self._deaths = deaths
        self._acts: queue.Queue[Callable[[], None]] = queue.Queue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is still to happen."""
        return self._acts.empty()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def do(self, act: Callable[[], None]) -> None:
        """Have something happen, after what is happening now."""
        self._acts.put(act)

    def close(self, timeout_seconds: float) -> bool:
        """Let what is still to happen happen, and end the thread; False when it has not ended by then."""
        self._closing.set()
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                act = self._acts.get(timeout=TURN_SECONDS)
            except queue.Empty:
                if self._closing.is_set():
                    return
                act = self._look_after
            try:
                act()
            except (AssertionError, subprocess.TimeoutExpired) as error:
                self._deaths.append(f"{self._thread.name}, {act}: {error}"[:4000])


def freeze(pid: int, seconds: float) -> None:
    """Let a process stand still for a while, as on a node without memory."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
