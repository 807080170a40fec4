"""The spool: a queue that a killed process loses nothing of, and that never outgrows its bound."""

from pathlib import Path

import pytest

from stockade_gateway.errors import LedgerError
from stockade_gateway.spool import Spool


def _drain(spool: Spool, at_once: int = 7) -> list[bytes]:
    lines: list[bytes] = []
    while spool.rows:
        batch = spool.read(at_once)
        lines += batch.lines
        spool.drop(batch)
    return lines


def test_rows_come_out_in_order_and_the_file_is_then_empty(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1_000_000)
    wanted = [b"row %d" % number for number in range(100)]
    assert all(map(spool.append, wanted))
    assert _drain(spool) == wanted
    assert (tmp_path / "spool").stat().st_size == 0
    spool.close()


def test_what_was_not_dropped_is_there_for_the_next_process(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool", 1_000_000)
    for number in range(10):
        first.append(b"row %d" % number)
    first.drop(first.read(4))
    first.close()
    second = Spool(tmp_path / "spool", 1_000_000)
    # The first four come again: the ledger drops what it has, the spool keeps no account of it.
    assert second.rows == 10
    assert _drain(second)[-6:] == [b"row %d" % number for number in range(4, 10)]
    second.close()


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"whole\nto")
    spool = Spool(tmp_path / "spool", 1_000_000)
    spool.append(b"next")
    assert _drain(spool) == [b"whole", b"next"]
    spool.close()


def test_beyond_the_bound_a_row_is_refused_and_room_comes_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100)
    assert [spool.append(b"x" * 29) for _ in range(4)] == [True, True, True, False]
    assert not spool.full
    assert spool.append(b"x" * 9)
    assert spool.full
    spool.drop(spool.read(1))
    assert not spool.full
    assert spool.append(b"x" * 29)
    spool.close()


def test_a_row_longer_than_one_read_comes_out_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 10_000_000)
    wanted = [b"a" * 700_000, b"b"]
    assert all(map(spool.append, wanted))
    assert _drain(spool) == wanted
    spool.close()


def test_the_file_shrinks_while_rows_keep_coming(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 10_000_000)
    line = b"x" * 9_999
    spool.append(line)
    for _ in range(500):
        # Never empty, as under a steady load.
        spool.append(line)
        spool.drop(spool.read(1))
    assert spool.rows == 1
    assert (tmp_path / "spool").stat().st_size < 1_200_000
    assert _drain(spool) == [line]
    spool.close()


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="can't be opened"):
        Spool(tmp_path / "missing" / "spool", 100)
