"""One `make up` or `make down` at a time on a machine; the kernel lets go of the lock whatever ends the run."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockade_cluster.errors import BusyError, MachineError
from stockade_cluster.places import LOCK


@contextmanager
def hold_lock(path: Path = LOCK) -> Iterator[None]:
    """Hold the machine's lock; BusyError names the run that has it."""
    descriptor = _take(path)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _take(path: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise MachineError(f"{path} can't be opened: run make as root.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 64).decode() or "unknown"
            os.close(descriptor)
            raise BusyError(f"Another make up or make down is at work (process {holder}): wait for it.") from error
        # The run before us deletes the file when it is done; the lock counts only on the file that is there.
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
        os.close(descriptor)
