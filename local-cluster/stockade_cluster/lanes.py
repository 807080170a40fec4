"""Pieces of work side by side, so that steps that can overlap do; the steps themselves don't know of it."""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from stockade_cluster import commands
from stockade_cluster.errors import InterruptedRunError
from stockade_cluster.progress import Progress

Result = TypeVar("Result")
LANES = 8


class Lanes:
    """Runs pieces of work in threads; the first failure, or Ctrl-C, ends all of them and the programs they run."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.pool = ThreadPoolExecutor(LANES)
        self.futures: list[Future[Any]] = []

    def begin(self, work: Callable[[], Result]) -> Future[Result]:
        """Start a piece of work; it may wait for the results of earlier ones."""
        future = self.pool.submit(work)
        self.futures.append(future)
        return future

    def finish(self) -> None:
        """Wait for all of them, reminding of what is under way; raises the first real failure."""
        try:
            waiting = True
            while waiting:
                done, left = wait(self.futures, timeout=1, return_when=FIRST_EXCEPTION)
                waiting = bool(left)
                self.progress.remind()
                failures = [error for future in done if (error := future.exception()) is not None]
                if failures:
                    commands.interrupt()
                    raise next((each for each in failures if not isinstance(each, InterruptedRunError)), failures[0])
        except KeyboardInterrupt:
            commands.interrupt()
            raise
        finally:
            self.pool.shutdown(wait=True, cancel_futures=True)


def complete(progress: Progress, work: Callable[[], Result]) -> Result:
    """Run one piece of work with the same reminders and the same end on Ctrl-C."""
    lanes = Lanes(progress)
    future = lanes.begin(work)
    lanes.finish()
    return future.result()
