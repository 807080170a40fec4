"""What a strategy keeps for its next start: the newest only, in a file of the private volume and in the ledger.

The file survives the container and the ledger the pod. Apart from the journal because orders are many small records
that must never be lost, and this is one large one of which only the last counts.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Protocol

import msgspec

from stockade_gateway.errors import LedgerError
from stockade_gateway.ledger_entries import to_time, to_time_ns
from stockade_gateway.ledger_rows import SavedStateRow

_PAUSE_SECONDS = 5.0
_RETRY_SECONDS = 15.0

logger = logging.getLogger(__name__)


class StateLedger(Protocol):
    """What is asked of the ledger; both block and raise LedgerError while PostgreSQL is away."""

    def save_state(self, row: SavedStateRow) -> None:
        """Replace what is kept of the algorithm, unless that is newer."""

    def load_state(self, algorithm_uid: str) -> SavedStateRow | None:
        """Return what is kept of the algorithm."""


class _Kept(msgspec.Struct, frozen=True):
    """What the file holds."""

    saved_time_ns: int
    content: bytes


class SavedStates:
    """The newest state; `save` costs nothing, `run` carries it to disk and ledger at a bounded pace."""

    def __init__(self, directory: Path, algorithm_uid: str, ledger: StateLedger) -> None:
        self._path = directory / "strategy.state"
        self._algorithm_uid = algorithm_uid
        self._ledger = ledger
        self._kept: _Kept | None = None
        self._written: _Kept | None = None
        self._carried: _Kept | None = None
        self._changed = asyncio.Event()
        self.restored = False

    @property
    def content(self) -> bytes | None:
        """What was saved last, None before the first."""
        return self._kept.content if self._kept else None

    async def restore(self) -> None:
        """Take over what an earlier gateway kept: in the file, or else in the ledger. Raises LedgerError.

        Until it succeeds `restored` is False: an algorithm that were told of no state would begin anew.
        """
        kept = _read(self._path)
        if kept is not None:
            self._written = kept
        else:
            row = await asyncio.to_thread(self._ledger.load_state, self._algorithm_uid)
            kept = self._carried = _Kept(to_time_ns(row.saved_time), row.content) if row else None
        if self._kept is None:
            self._kept = kept
        self.restored = True

    def save(self, content: bytes, now_ns: int) -> None:
        """Take in a new state."""
        self._kept = _Kept(now_ns, content)
        self._changed.set()

    async def run(self) -> None:
        """Restore if that is still to be done, and carry new states on, until cancelled."""
        while True:
            if self.restored:
                await self._changed.wait()
            self._changed.clear()
            try:
                if not self.restored:
                    await self.restore()
                await self.carry()
            except (LedgerError, OSError) as error:
                logger.warning("the saved state is not everywhere yet: %s", error)
                self._changed.set()
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def carry(self) -> None:
        """Write the newest state where it is missing. Raises OSError and LedgerError."""
        kept = self._kept
        if kept is None:
            return
        if kept is not self._written:
            await asyncio.to_thread(_write, self._path, msgspec.msgpack.encode(kept))
            self._written = kept
        if kept is not self._carried:
            row = SavedStateRow(
                algorithm_uid=self._algorithm_uid, content=kept.content, saved_time=to_time(kept.saved_time_ns)
            )
            await asyncio.to_thread(self._ledger.save_state, row)
            self._carried = kept


def _read(path: Path) -> _Kept | None:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        logger.error("the saved state %s can't be read, the ledger is asked: %s", path, error)  # noqa: TRY400
        return None


def _write(path: Path, content: bytes) -> None:
    """Replace the file in one step."""
    fresh = path.with_suffix(".fresh")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
