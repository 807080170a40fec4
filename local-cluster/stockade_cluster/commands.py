"""Runs one program to its end, and ends all of them when the run is interrupted."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stockade_cluster.errors import CommandError, InterruptedRunError

SHOWN_LINES = 25
GRACE_SECONDS = 10

_running: set[subprocess.Popen[str]] = set()
_guard = threading.Lock()
_interrupted = threading.Event()


def run(
    command: Sequence[str | Path],
    *,
    input_text: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    quiet_errors: bool = False,
) -> str:
    """Run a program and return its standard output.

    With `on_line` standard output and error come line by line and nothing is returned; `quiet_errors` only
    keeps what an expected failure printed out of the message. CommandError carries the end of what it printed.
    """
    words = [str(word) for word in command]
    with _guard:
        if _interrupted.is_set():
            raise InterruptedRunError("interrupted")
        try:
            # A session of its own: Ctrl-C reaches only us, and we end the program and its children in order.
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE if input_text is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if on_line else subprocess.PIPE,
                text=True,
                errors="replace",
                env={**os.environ, **(environment or {})},
                cwd=folder,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise CommandError(f"{words[0]} is not there: {error.strerror}.") from error
        _running.add(process)
    try:
        printed = _read_lines(process, on_line) if on_line else process.communicate(input_text)
    finally:
        with _guard:
            _running.discard(process)
    if _interrupted.is_set():
        raise InterruptedRunError("interrupted")
    if process.returncode:
        shown = "" if quiet_errors else "\n".join((printed[1] or printed[0]).strip().splitlines()[-SHOWN_LINES:])
        raise CommandError(f"{' '.join(words[:6])} … ended with {process.returncode}:\n{shown}")
    return printed[0]


def _read_lines(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> tuple[str, str]:
    last: deque[str] = deque(maxlen=SHOWN_LINES)
    assert process.stdout is not None  # noqa: S101 (asked for above; tells the type checker)
    for line in process.stdout:
        last.append(line.rstrip())
        on_line(last[-1])
    process.wait()
    return "", "\n".join(last)


def succeeds(command: Sequence[str | Path]) -> bool:
    """Whether a program ends well; its output is of no interest."""
    try:
        run(command, quiet_errors=True)
    except CommandError:
        return False
    return True


def interrupt() -> None:
    """End every running program with its children, and let no thread start another."""
    _interrupted.set()
    with _guard:
        running = list(_running)
    for process in running:
        _signal_group(process, signal.SIGTERM)
    for process in running:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
