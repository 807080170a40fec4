"""The spool: rows on their way to the ledger, in a bounded file; apart from the ledger because it knows no database.

Every row passes through the file, whether PostgreSQL answers or not, so that a killed process loses none: what `append`
accepted is there for the next one. It is not synced to the disk: a volume that outlives its machine's crash is not
promised here, and the exchange still knows every order then.

One row is one line: a letter for its kind, then a JSON object.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from stockade_gateway.errors import LedgerError

_COMPACT_ABOVE_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """The oldest rows, as lines without their end, and where they end in the file."""

    lines: tuple[bytes, ...]
    end: int


class Spool:
    """A queue of lines in one file. `append` may be called from any thread, `read` and `drop` from one."""

    def __init__(self, path: Path, maximum_bytes: int) -> None:
        """Open or make the file; a line torn by a crash is cut off. Raises LedgerError when that can't be done."""
        self._path = path
        self._maximum_bytes = maximum_bytes
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._start = 0
            self._end, self.rows = self._mend()
        except OSError as error:
            raise LedgerError(f"the spool {path} can't be opened: {error.strerror}") from error

    @property
    def full(self) -> bool:
        """True when nine tenths of the room is used: the time to stop making new rows."""
        return self._end - self._start > self._maximum_bytes * 9 // 10

    def append(self, line: bytes) -> bool:
        """Add one line (without its end); False when there is no room for it, in the bound or on the volume."""
        with self._lock:
            if self._end - self._start + len(line) + 1 > self._maximum_bytes:
                return False
            try:
                written = os.write(self._descriptor, line + b"\n")
                if written == len(line) + 1:
                    self._end += written
                    self.rows += 1
                    return True
                os.ftruncate(self._descriptor, self._end)
            except OSError:
                return False
            return False

    def read(self, maximum_rows: int) -> Batch:
        """Return the oldest rows, none when there are none; they stay until they are dropped."""
        with self._lock:
            start, length = self._start, min(self._end - self._start, _READ_BYTES)
            if not length:
                return Batch((), start)
            data = os.pread(self._descriptor, length, start)
            if b"\n" not in data:
                data = os.pread(self._descriptor, self._end - start, start)
        lines = data[: data.rfind(b"\n")].split(b"\n")[:maximum_rows]
        return Batch(tuple(lines), start + sum(map(len, lines)) + len(lines))

    def drop(self, batch: Batch) -> None:
        """Forget the rows of a batch; the file shrinks when it is empty or mostly read."""
        with self._lock:
            self.rows -= len(batch.lines)
            self._start = batch.end
            if self._start == self._end:
                os.ftruncate(self._descriptor, 0)
                self._start = self._end = 0
            elif self._start > max(_COMPACT_ABOVE_BYTES, self._end - self._start):
                self._compact()

    def close(self) -> None:
        """Close the file; its rows stay."""
        with self._lock:
            os.close(self._descriptor)

    def _mend(self) -> tuple[int, int]:
        """Cut off an unfinished last line; return the file's size and its number of lines."""
        end = rows = position = 0
        while data := os.pread(self._descriptor, _READ_BYTES, position):
            if b"\n" in data:
                end = position + data.rfind(b"\n") + 1
                rows += data.count(b"\n")
            position += len(data)
        os.ftruncate(self._descriptor, end)
        return end, rows

    def _compact(self) -> None:
        """Put what is unread into a new file in place of the old one."""
        fresh_path = self._path.with_suffix(".new")
        fresh = os.open(fresh_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        unread = os.pread(self._descriptor, self._end - self._start, self._start)
        if os.write(fresh, unread) != len(unread):
            # No room for the copy: the old file serves on.
            os.close(fresh)
            fresh_path.unlink()
            return
        fresh_path.replace(self._path)
        os.close(self._descriptor)
        self._descriptor = fresh
        self._start, self._end = 0, len(unread)
