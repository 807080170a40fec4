"""Runs the operator in lives that end at a write: `python -m tests.support.operator_lives WRITES`.

Each life is a process of its own that is killed the moment the API server has answered its last allowed write, before
the operator learns of it; then the next life begins. With one write per life the operator dies between every two steps.
The programs are imported once and each life is a fork, so that a life begins quickly.
"""

import asyncio
import logging
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

from stockade_operator.__main__ import run
from stockade_operator.cluster import Cluster
from stockade_operator.settings import read_settings

KILLED = 9
DEFECT = 70


def live(writes: int) -> NoReturn:
    """Be the operator for a number of writes; never returns."""
    original = Cluster._call
    left = writes

    async def call(self: Cluster, method: str, path: str, **details: Any) -> dict[str, Any]:
        nonlocal left
        answer = await original(self, method, path, **details)
        if method != "GET":
            left -= 1
            if left <= 0:
                sys.stderr.write(f"killed after {method} {path}\n")
                sys.stderr.flush()
                os._exit(KILLED)
        return answer

    Cluster._call = call  # type: ignore[method-assign] # the hook is the point
    logging.basicConfig(level=logging.WARNING)
    try:
        asyncio.run(run(read_settings(os.environ)))
    finally:
        # Whatever happened: a life never goes back into the loop of lives.
        traceback.print_exc()
        os._exit(DEFECT)


def main() -> int:
    """Begin one life after the other until a signal; return the exit code."""
    writes = int(sys.argv[1])
    children: list[int] = []

    def end(*_: object) -> None:
        os.kill(children[-1], signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            live(writes)
        children.append(child)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != KILLED:
            return 1


if __name__ == "__main__":
    sys.exit(main())
