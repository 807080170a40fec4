"""The journal: every step of every order, on the pod's private volume before the exchange hears of it.

A file of frames, each a length, a CRC-32 and one msgpack record. A torn last frame (the process died while writing) is
cut off on opening; nothing after a frame that does not check is believed.
"""

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from stockade_gateway.errors import JournalError
from stockade_gateway.orders import Execution, Order
from stockade_gateway.positions import PositionsRecord

_MAGIC = b"SKJOURN1"
_FRAME = struct.Struct("<II")
_MAX_RECORD_BYTES = 64 * 1024 * 1024
_COMPACT_ABOVE_BYTES = 1024 * 1024


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, tag="checkpoint"):
    """The sum of everything before it, so that what it sums up can be dropped."""

    positions: PositionsRecord
    trades: dict[str, list[int]]
    # Order numbers are beyond 64 bits, which is what msgpack's integers end at.
    forgotten_number: str
    highest_number: str
    # False when the time before this journal could not be loaded from the ledger yet.
    past_known: bool
    known_until_ms: int | None


class Step(msgspec.Struct, frozen=True, tag="change"):
    """One step of one order: the order after it, the execution if that was the step, and when it was heard of or made.

    The time is None in what was summed up, whose steps the ledger has, and in a journal that is older than the field.
    """

    order: Order
    execution: Execution | None = None
    received_time_ns: int | None = None


Record = Step | Checkpoint

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


class Journal:
    """The open journal; `open_journal` makes it. Not thread-safe but for `sync`."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size = size
        self._compacted_size = size
        self.error: str | None = None

    @property
    def wants_compaction(self) -> bool:
        """True when the file has grown enough for `rewrite` to be worth its time."""
        return self._size > max(_COMPACT_ABOVE_BYTES, 4 * self._compacted_size)

    def append(self, record: Record) -> None:
        """Write one record; it survives the process's end at once and the machine's after `sync`.

        Raises JournalError, and leaves the journal as it was, when the volume is full or broken; a later one may work.
        """
        frame = _encode_frame(record)
        try:
            _write_whole(self._descriptor, frame, self._size)
        except OSError as error:
            self.error = f"the journal can't be written: {error.strerror}"
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise JournalError(self.error) from error
        self._size += len(frame)
        self.error = None

    def sync(self) -> None:
        """Wait until what was appended is on the disk; may be called from another thread. Raises JournalError."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self.error = f"the journal can't be written to the disk: {error.strerror}"
            raise JournalError(self.error) from error

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the journal by these records in one step. Raises JournalError; the old one then stays."""
        fresh = self._path.with_suffix(".fresh")
        content = _MAGIC + b"".join(_encode_frame(record) for record in records)
        try:
            descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _write_whole(descriptor, content, 0)
                os.fsync(descriptor)
                fresh.replace(self._path)
                _sync_directory(self._path.parent)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            self._compacted_size = self._size
            raise JournalError(f"the journal can't be compacted: {error.strerror}") from error
        os.dup2(descriptor, self._descriptor, inheritable=False)
        os.close(descriptor)
        self._size = self._compacted_size = len(content)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def open_journal(directory: Path) -> tuple[Journal, list[Record], str | None]:
    """Open or make the journal in a directory; returns it, its records, and what was damaged, None when nothing was.

    Raises JournalError when it can be neither read nor made.
    """
    path = directory / "orders.journal"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(f"the journal {path} can't be opened: {error.strerror}") from error
    records, good, damage = _read_frames(content)
    try:
        if not content:
            good = os.pwrite(descriptor, _MAGIC, 0)
            _sync_directory(directory)
        elif good < len(content):
            os.ftruncate(descriptor, good)
            if good == 0:
                good = os.pwrite(descriptor, _MAGIC, 0)
    except OSError as error:
        os.close(descriptor)
        raise JournalError(f"the journal {path} can't be written: {error.strerror}") from error
    return Journal(path, descriptor, good), records, damage


def _write_whole(descriptor: int, content: bytes, position: int) -> None:
    if os.pwrite(descriptor, content, position) != len(content):
        raise OSError(errno.ENOSPC, "no space left for the whole of it")


def _encode_frame(record: Record) -> bytes:
    payload = _encoder.encode(record)
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _read_frames(content: bytes) -> tuple[list[Record], int, str | None]:
    """Return the records, the length of what they fill, and what is wrong with the rest."""
    records: list[Record] = []
    if content and content[: len(_MAGIC)] != _MAGIC:
        return records, 0, "the journal's head is not one of ours"
    position, damage = len(_MAGIC) if content else 0, None
    while len(content) - position >= _FRAME.size:
        length, checksum = _FRAME.unpack_from(content, position)
        payload = content[position + _FRAME.size : position + _FRAME.size + length]
        if len(payload) < length <= _MAX_RECORD_BYTES:
            # Cut short at the very end: the process died while writing, and nothing had been sent on its strength.
            break
        if len(payload) < length or zlib.crc32(payload) != checksum:
            damage = f"the journal is damaged at byte {position}"
            break
        try:
            records.append(_decoder.decode(payload))
        except msgspec.MsgspecError as error:
            damage = f"the journal holds an unknown record at byte {position}: {error}"
            break
        position += _FRAME.size + length
    return records, position, damage


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
