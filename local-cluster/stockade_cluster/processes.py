"""Long-running programs by name: started apart from us, known again after a restart, ended in order."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stockade_cluster.errors import StartError
from stockade_cluster.places import PROCESSES

STOP_SECONDS = 30.0


def start(
    name: str,
    command: Sequence[str | Path],
    logs: Path,
    environment: Mapping[str, str] | None = None,
    pass_descriptors: Sequence[int] = (),
) -> None:
    """Start a program in a session of its own, its output in `logs/NAME.log`, and note who it is."""
    logs.mkdir(parents=True, exist_ok=True)
    PROCESSES.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
            cwd="/",
            start_new_session=True,
            pass_fds=pass_descriptors,
        )
    # It outlives us and is watched by pid; Popen shall not complain that nobody waited for it.
    process.returncode = 0
    began = read_start_time(process.pid)
    (PROCESSES / f"{name}.json").write_text(json.dumps({"pid": process.pid, "began": began}))


def read_start_time(pid: int) -> str | None:
    """When a process began, in clock ticks since boot, or None if there is none; tells a reused pid apart."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = status.rsplit(") ", 1)[1].split()
    return None if fields[0] in "ZX" else fields[19]


def find_pid(name: str) -> int | None:
    """The pid of a program we started, or None if it does not run."""
    try:
        noted = json.loads((PROCESSES / f"{name}.json").read_text())
    except FileNotFoundError:
        return None
    pid: int = noted["pid"]
    return pid if read_start_time(pid) == noted["began"] is not None else None


def require_running(name: str, logs: Path) -> None:
    """StartError with the end of its log if the program has ended."""
    if find_pid(name) is None:
        last = (logs / f"{name}.log").read_text(errors="replace").strip().splitlines()[-10:]
        raise StartError(f"{name} ended; the end of {logs / name}.log:\n" + "\n".join(last))


def list_names() -> list[str]:
    """The names of every program that was started and not yet stopped."""
    return sorted(path.stem for path in PROCESSES.glob("*.json"))


def stop(name: str, timeout_seconds: float = STOP_SECONDS) -> None:
    """End a program: SIGTERM, wait, SIGKILL after the timeout."""
    pid = find_pid(name)
    if pid is not None:
        end_process(pid, timeout_seconds)
    (PROCESSES / f"{name}.json").unlink(missing_ok=True)


def end_process(pid: int, timeout_seconds: float) -> None:
    """SIGTERM, wait until it is gone, SIGKILL after the timeout; no complaint if it is gone already."""
    began = read_start_time(pid)
    for number, patience in ((signal.SIGTERM, timeout_seconds), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if read_start_time(pid) != began:
                return
            time.sleep(0.05)
