"""Long-running programs: known by name, not mistaken for another, ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from stockade_cluster import processes
from stockade_cluster.errors import StartError
from tests.support.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs and notes of the test's own."""
    monkeypatch.setattr(processes, "PROCESSES", tmp_path / "processes")
    return tmp_path


def test_a_program_is_found_and_ended(folder: Path) -> None:
    processes.start("sleeper", ["sleep", "600"], folder)
    pid = processes.find_pid("sleeper")
    assert pid is not None
    assert processes.list_names() == ["sleeper"]
    processes.stop("sleeper")
    assert processes.read_start_time(pid) is None
    assert processes.list_names() == []


def test_a_program_that_ignores_sigterm_is_killed(folder: Path) -> None:
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignoring}; print('ready', flush=True); time.sleep(600)"
    processes.start("stubborn", [sys.executable, "-c", code], folder)
    pid = processes.find_pid("stubborn")
    assert pid is not None
    wait_until((folder / "stubborn.log").read_text, "the program to begin", holds=lambda text: "ready" in text)
    processes.stop("stubborn", timeout_seconds=0.2)
    assert processes.read_start_time(pid) is None


def test_a_program_that_ended_shows_the_end_of_its_log(folder: Path) -> None:
    processes.start("failing", ["sh", "-c", "echo no such option >&2; exit 2"], folder)
    wait_until(lambda: processes.find_pid("failing"), "the program to end", holds=lambda pid: pid is None)
    with pytest.raises(StartError, match="no such option"):
        processes.require_running("failing", folder)


def test_a_reused_pid_is_not_ours(folder: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        (folder / "processes").mkdir()
        (folder / "processes" / "gone.json").write_text(f'{{"pid": {stranger.pid}, "began": "1"}}')
        processes.stop("gone")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
