"""A pod whose process ids an algorithm has used up: what needs a thread has it already, or waits."""

import socket
import threading
from pathlib import Path

import pytest

from stockade_gateway.errors import LedgerError
from stockade_gateway.ledger import _deadline
from tests.unit.gateway.test_books import World
from tests.unit.gateway.test_desk import SilentApi, make_desk


def test_the_journals_thread_runs_before_the_first_order(tmp_path: Path) -> None:
    world = World(tmp_path)
    desk = make_desk(tmp_path, world, SilentApi())
    assert len(desk._sender._journal_thread._threads) == 1
    desk.close()
    world.journal.close()


def test_the_ledger_waits_while_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    here, there = socket.socketpair()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(LedgerError, match="can't start new thread"), _deadline(here, 5.0):  # type: ignore[arg-type]
        raise AssertionError("nothing is written without its time limit")
    monkeypatch.undo()
    with _deadline(here, 5.0):  # type: ignore[arg-type]  # all it needs is a descriptor
        here.send(b"x")
    assert there.recv(1) == b"x"
    here.close()
    there.close()
