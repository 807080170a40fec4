"""The journal: what was written comes back, a torn tail is cut off, and compaction keeps the sum."""

import os
import struct
import zlib
from pathlib import Path

import msgspec
import pytest

from stockade_gateway.errors import JournalError
from stockade_gateway.journal import Checkpoint, Journal, Step, open_journal
from stockade_gateway.orders import Change
from stockade_gateway.positions import PositionsRecord
from tests.support.gateway_orders import make_execution, make_order

CHECKPOINT = Checkpoint(
    positions=PositionsRecord("2026-11-25", {}, [], {}),
    trades={"sk-1": [1, 2]},
    forgotten_number=str(2**70),
    highest_number=str(2**71),
    past_known=True,
    known_until_ms=5,
)


def write(directory: Path, count: int) -> None:
    journal, _, _ = open_journal(directory)
    for number in range(count):
        journal.append(Step(make_order(number), make_execution(number, "1"), 5))
    journal.sync()
    journal.close()


def test_records_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path, 3)
    journal, records, damage = open_journal(tmp_path)
    assert damage is None
    assert records == [Step(make_order(number), make_execution(number, "1"), 5) for number in range(3)]
    journal.close()


def test_a_journal_older_than_the_times_is_read(tmp_path: Path) -> None:
    write(tmp_path, 2)
    journal, records, _ = open_journal(tmp_path)
    journal.rewrite([CHECKPOINT])
    # As it was written before: the same record without its last field.
    payload = msgspec.msgpack.encode(Change(make_order(3), make_execution(3, "1")))
    journal.close()
    with (tmp_path / "orders.journal").open("ab") as file:
        file.write(struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)
    journal, records, damage = open_journal(tmp_path)
    assert (records, damage) == ([CHECKPOINT, Step(make_order(3), make_execution(3, "1"), None)], None)
    journal.close()


def test_a_torn_tail_costs_the_last_record_at_any_byte(tmp_path: Path) -> None:
    write(tmp_path, 2)
    path = tmp_path / "orders.journal"
    content = path.read_bytes()
    half = len(content) - (len(content) - 8) // 2
    for length in range(half + 1, len(content), 7):
        path.write_bytes(content[:length])
        journal, records, damage = open_journal(tmp_path)
        assert (len(records), damage) == (1, None)
        journal.append(Step(make_order(5)))
        journal.close()
        assert len(open_journal(tmp_path)[1]) == 2


def test_nothing_after_a_damaged_record_is_believed(tmp_path: Path) -> None:
    write(tmp_path, 3)
    path = tmp_path / "orders.journal"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    journal, records, damage = open_journal(tmp_path)
    assert len(records) == 1
    assert damage is not None
    assert "damaged at byte" in damage
    journal.close()


def test_a_foreign_file_is_not_read_as_a_journal(tmp_path: Path) -> None:
    (tmp_path / "orders.journal").write_bytes(b"something else entirely")
    journal, records, damage = open_journal(tmp_path)
    assert (records, damage) == ([], "the journal's head is not one of ours")
    journal.close()


def test_rewriting_replaces_everything_in_one_step(tmp_path: Path) -> None:
    write(tmp_path, 50)
    journal, records, _ = open_journal(tmp_path)
    size = (tmp_path / "orders.journal").stat().st_size
    journal.rewrite([CHECKPOINT, records[-1]])
    journal.append(Step(make_order(99)))
    journal.close()
    assert (tmp_path / "orders.journal").stat().st_size < size
    assert open_journal(tmp_path)[1] == [CHECKPOINT, records[-1], Step(make_order(99))]


def test_a_full_volume_is_an_error() -> None:
    # /dev/full is the kernel's own volume without room.
    device = Path("/dev/full")
    journal = Journal(device, os.open(device, os.O_RDWR), 0)
    with pytest.raises(JournalError, match="can't be written"):
        journal.append(Step(make_order()))
    assert journal.error is not None
    journal.close()


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="missing"):
        open_journal(tmp_path / "missing")
