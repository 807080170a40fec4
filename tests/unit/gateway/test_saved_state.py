"""A strategy's state: the newest counts, the file comes before the ledger, and nothing is said before it is known."""

import asyncio
from pathlib import Path

import pytest

from stockade_gateway import saved_state
from stockade_gateway.errors import LedgerError
from stockade_gateway.ledger_rows import SavedStateRow
from stockade_gateway.saved_state import SavedStates

UID = "uid-of-grid"
NOW_NS = 1_764_100_000_123_456_000


class OneRow:
    """A ledger that is one row, or away."""

    def __init__(self) -> None:
        self.row: SavedStateRow | None = None
        self.away = False
        self.refused = 0

    def save_state(self, row: SavedStateRow) -> None:
        """Keep it."""
        self._check()
        self.row = row

    def load_state(self, algorithm_uid: str) -> SavedStateRow | None:
        """Give it."""
        self._check()
        assert algorithm_uid == UID
        return self.row

    def _check(self) -> None:
        if self.away:
            self.refused += 1
            raise LedgerError("the ledger can't be reached")


@pytest.fixture
def ledger() -> OneRow:
    return OneRow()


async def restored(folder: Path, ledger: OneRow) -> SavedStates:
    states = SavedStates(folder, UID, ledger)
    assert not states.restored
    await states.restore()
    assert states.restored
    return states


async def test_before_the_first_state_there_is_none(tmp_path: Path, ledger: OneRow) -> None:
    states = await restored(tmp_path, ledger)
    assert states.content is None
    await states.carry()
    assert ledger.row is None


async def test_the_newest_state_is_in_file_and_ledger(tmp_path: Path, ledger: OneRow) -> None:
    states = await restored(tmp_path, ledger)
    states.save(b"old", NOW_NS)
    states.save(b"new", NOW_NS + 1000)
    await states.carry()
    assert ledger.row is not None
    assert (ledger.row.content, ledger.row.algorithm_uid) == (b"new", UID)
    ledger.away = True
    assert (await restored(tmp_path, ledger)).content == b"new", "the file is enough"


async def test_a_new_pod_has_the_ledgers(tmp_path: Path, ledger: OneRow) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    states = await restored(first, ledger)
    states.save(b"kept", NOW_NS)
    await states.carry()
    assert (await restored(second, ledger)).content == b"kept"


async def test_a_damaged_file_gives_way_to_the_ledger(tmp_path: Path, ledger: OneRow) -> None:
    states = await restored(tmp_path, ledger)
    states.save(b"kept", NOW_NS)
    await states.carry()
    (tmp_path / "strategy.state").write_bytes(b"\xc1")
    assert (await restored(tmp_path, ledger)).content == b"kept"


async def test_while_the_ledger_is_away_nothing_is_said(tmp_path: Path, ledger: OneRow) -> None:
    ledger.away = True
    states = SavedStates(tmp_path, UID, ledger)
    with pytest.raises(LedgerError):
        await states.restore()
    assert not states.restored


async def test_what_could_not_be_carried_is_carried_later(
    tmp_path: Path, ledger: OneRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_state, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(saved_state, "_RETRY_SECONDS", 0.01)
    ledger.away = True
    states = SavedStates(tmp_path, UID, ledger)
    states.save(b"kept", NOW_NS)
    work = asyncio.get_running_loop().create_task(states.run())
    while ledger.refused < 3:  # noqa: ASYNC110 - pytest's own time-out is the deadline
        await asyncio.sleep(0.01)
    assert not states.restored
    ledger.away = False
    while ledger.row is None:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    assert ledger.row.content == states.content == b"kept"
    work.cancel()
