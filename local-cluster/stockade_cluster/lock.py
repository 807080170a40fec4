"""One run that changes something at a time on a machine; the kernel lets go of the lock whatever ends the run."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockade_cluster.errors import BusyError, MachineError
from stockade_cluster.places import LOCK
from stockade_cluster.progress import Progress

PATIENCE_SECONDS = 1800.0


@contextmanager
def hold_lock(progress: Progress, path: Path = LOCK, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the machine's lock, waiting for the run that has it; BusyError names that run when patience ends."""
    deadline = time.monotonic() + patience_seconds
    told = False
    while (descriptor := _take(path)) is None:
        holder = path.read_text() if path.exists() else ""
        if time.monotonic() > deadline:
            raise BusyError(f"Another make is still at work (process {holder}): wait for it, or end it.")
        if not told:
            progress.say("lock", f"waiting for another make (process {holder}) to finish")
            told = True
        time.sleep(0.5)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise MachineError(f"{path} can't be opened: run make as root.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The run before us deletes the file when it is done; the lock counts only on the file that is there.
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None
