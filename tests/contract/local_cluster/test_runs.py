"""A run of `make up` or `make down`: one at a time, and interrupted with everything it had started."""

import io
import os
import signal
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from stockade_cluster.borrowed import note_borrowed, remove_borrowed
from stockade_cluster.commands import run, succeeds
from stockade_cluster.errors import BusyError, CommandError
from stockade_cluster.lock import hold_lock
from stockade_cluster.progress import Progress
from tests.support.waiting import wait_until

PROJECT = Path(__file__).parents[3]
INTERRUPTED = """
import signal, sys
from stockade_cluster import commands
from stockade_cluster.lanes import Lanes
from stockade_cluster.progress import Progress
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests themselves run in the background
lanes = Lanes(Progress())
lanes.begin(lambda: commands.run(["sh", "-c", f"echo $$ > {sys.argv[1]}; sleep 600"]))
try:
    lanes.finish()
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_a_second_run_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    lock, out = tmp_path / "lock", io.StringIO()

    def hold() -> AbstractContextManager[None]:
        return hold_lock(Progress(out), lock, patience_seconds=0)

    with hold(), pytest.raises(BusyError, match=f"process {os.getpid()}"), hold():
        pass
    with hold():
        assert lock.exists()
    assert not lock.exists()


def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    lock, out, order = tmp_path / "lock", io.StringIO(), []

    def second() -> None:
        with hold_lock(Progress(out), lock):
            order.append("second")

    with hold_lock(Progress(out), lock):
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(out.getvalue, "the second to wait", holds=lambda text: f"process {os.getpid()}" in text)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_ctrl_c_ends_what_the_run_had_started(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    command = [sys.executable, "-c", INTERRUPTED, str(noted)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(PROJECT / "local-cluster")})
    try:
        wait_until(lambda: noted.exists() and noted.read_text().strip(), "the program to begin")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    child = int(noted.read_text())
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "the program to end with the run")


def test_a_failure_carries_what_the_program_said() -> None:
    with pytest.raises(CommandError, match="no such thing"):
        run(["sh", "-c", "echo no such thing >&2; exit 3"])


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match="not-a-program is not there"):
        run(["not-a-program"])
    assert succeeds(["true"])


def test_only_what_is_ours_is_removed_of_shared_folders(tmp_path: Path) -> None:
    mine, shared, theirs = tmp_path / "mine", tmp_path / "shared", tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "a.log").touch()
    note = tmp_path / "data" / "note.json"
    folders: dict[str, tuple[str, ...]] = {str(path): ("inner/*.log",) for path in (mine, shared, theirs)}
    note_borrowed(note, folders)
    for folder in (mine, shared):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "a.log").touch()
    (shared / "inner" / "another's").touch()
    note_borrowed(note, folders)
    remove_borrowed(note)
    assert not mine.exists()
    assert [path.name for path in shared.rglob("*")] == ["inner", "another's"]
    assert (theirs / "a.log").exists()
