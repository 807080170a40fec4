"""What becomes of an algorithm's log and of its end, with the launcher between it and the container's output."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

Start = Callable[..., subprocess.Popen[bytes]]
SECONDS = 100
KEPT_PER_SECOND, KEPT_AT_ONCE, COST_OF_A_LINE, LONGEST_LINE = 64 << 10, 1 << 20, 64, 16 << 10
NOTICE = re.compile(rb"stockade: (\d+) bytes of log dropped: more than 64 KiB a second\n")
LINE = 128
"""A divisor of a page, so that a pipe never gives out a piece of a line."""
FLOOD = """
import os
for block in range(128):
    os.write(1, b"".join(b"%08d" % (block * 512 + line) + b"x" * 119 + b"\\n" for line in range(512)))
"""
FLOODED = 128 * 512 * LINE


def run(launcher: Path, *command: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([launcher, *command], env={}, capture_output=True, timeout=SECONDS, check=False)


def take_notices(log: bytes) -> tuple[bytes, int]:
    """What else is in a log, and how many bytes it says were dropped."""
    return NOTICE.sub(b"", log), sum(map(int, NOTICE.findall(log)))


@pytest.fixture
def start(launcher: Path) -> Iterator[Start]:
    """Start a program behind the launcher; what is left of it is ended with the test."""
    with contextlib.ExitStack() as started:

        def start(*command: str | Path, stdout: int, stderr: int | None = None) -> subprocess.Popen[bytes]:
            process = started.enter_context(
                subprocess.Popen([launcher, *command], env={}, stdout=stdout, stderr=stderr)
            )
            started.callback(process.kill)
            return process

        yield start


def test_a_short_log_passes_byte_for_byte(launcher: Path, interpreter: Path) -> None:
    out = b"text\n\n\0\xff\xfe\r\n" + b"y" * 100_000 + b"\n" + b"short\n" * 1000 + b"no end"
    code = f"import os; os.write(1, {out!r}); os.write(2, b'an error\\nno end')"
    result = run(launcher, interpreter, "-I", "-c", code)
    assert (result.stdout, result.stderr, result.returncode) == (out, b"an error\nno end", 0)


def test_of_a_flood_whole_lines_pass_and_the_rest_is_counted(launcher: Path, interpreter: Path) -> None:
    began = time.monotonic()
    result = run(launcher, interpreter, "-I", "-c", FLOOD)
    seconds = time.monotonic() - began
    passed, dropped = take_notices(result.stdout)
    assert result.returncode == 0
    assert len(passed) + dropped == FLOODED
    numbers = [int(line[:8]) for line in passed.splitlines()]
    assert b"".join(b"%08d" % number + b"x" * 119 + b"\n" for number in numbers) == passed
    assert numbers == sorted(set(numbers))
    charged = len(passed) + len(numbers) * COST_OF_A_LINE
    assert charged > KEPT_AT_ONCE - LINE - COST_OF_A_LINE
    assert charged < KEPT_AT_ONCE + KEPT_PER_SECOND * (seconds + 1) + LONGEST_LINE


def test_empty_lines_are_not_for_nothing(launcher: Path, interpreter: Path) -> None:
    began = time.monotonic()
    result = run(launcher, interpreter, "-I", "-c", "import os\nfor _ in range(64): os.write(1, b'\\n' * 32768)")
    passed, dropped = take_notices(result.stdout)
    assert len(passed) + dropped == 64 * 32768
    assert len(passed) * COST_OF_A_LINE < KEPT_AT_ONCE + KEPT_PER_SECOND * (time.monotonic() - began + 1)


def test_a_line_without_an_end_is_cut(launcher: Path, interpreter: Path) -> None:
    result = run(launcher, interpreter, "-I", "-c", "import os\nfor _ in range(96): os.write(1, b'z' * 32768)")
    passed, dropped = take_notices(result.stdout)
    line, rest = passed.split(b"\n")
    assert rest == b""
    assert set(line) == set(b"z")
    assert len(line) + dropped == 96 * 32768


@pytest.mark.parametrize(
    ("end", "code"),
    [("exit 0", 0), ("exit 3", 3), ("exit 69", 69), ("exit 70", 70), ("kill -9 $$", 137), ("kill -SEGV $$", 139)],
)
def test_it_ends_as_the_algorithm_does(launcher: Path, end: str, code: int) -> None:
    result = run(launcher, "/bin/sh", "-c", f"echo last words; {end}")
    assert (result.stdout, result.returncode) == (b"last words\n", code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_passes_a_flood_and_so_do_errors(start: Start, interpreter: Path, number: int) -> None:
    code = f"""
import os, signal
family = [pid for pid in (os.fork() for _ in range(2)) if pid]
if len(family) < 2:
    while True:
        os.write(1, b"x" * 127 + b"\\n")
def end(*_):
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    os.write(2, b"asked\\n")
    os._exit(5)
signal.signal({int(number)}, end)
os.write(2, b"ready\\n")
while True:
    signal.pause()
"""
    process = start(interpreter, "-I", "-c", code, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(SECONDS) == 5
    assert process.stderr.read() == b"asked\n"


def test_a_process_that_stays_behind_delays_nothing(launcher: Path) -> None:
    result = run(launcher, "/bin/sh", "-c", "sleep 300 & echo $!; exit 3")
    os.kill(int(result.stdout), signal.SIGKILL)
    assert result.returncode == 3


def test_a_reader_who_stands_still_keeps_no_algorithm_waiting(start: Start, interpreter: Path, tmp_path: Path) -> None:
    code = f"{FLOOD}\nopen('{tmp_path}/done', 'w').close()\nimport signal; signal.pause()"
    process = start(interpreter, "-I", "-c", code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    wait_until((tmp_path / "done").exists, "the algorithm to have written all", deadline_seconds=SECONDS)
    log = b""
    while not NOTICE.search(log):
        log += process.stdout.readline()
    process.terminate()
    log += process.stdout.read()
    assert process.wait(SECONDS) == 128 + signal.SIGTERM
    passed, dropped = take_notices(log)
    assert len(passed) + dropped == FLOODED
    assert len(passed) % LINE == 0


def test_without_a_reader_the_algorithm_goes_on(start: Start, interpreter: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(interpreter, "-I", "-c", f"{FLOOD}\nraise SystemExit(6)", stdout=writing)
    os.close(writing)
    assert process.wait(SECONDS) == 6


def test_it_takes_the_algorithm_along(start: Start) -> None:
    process = start("/bin/sh", "-c", "echo $$; exec sleep 300", stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = Path(f"/proc/{int(process.stdout.readline())}")
    process.kill()
    process.wait(SECONDS)
    wait_until(child.exists, "the algorithm's end", holds=lambda there: not there, pause_seconds=0.05)


def test_of_the_last_words_as_many_are_kept_as_the_kubelet_reads(launcher: Path, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    command: list[str | Path] = [
        launcher,
        "/bin/sh",
        "-c",
        'head -c 9000 /dev/zero | tr "\\0" w > "$STOCKADE_TERMINATION_LOG"',
    ]
    subprocess.run(command, env={"STOCKADE_TERMINATION_LOG": str(log), "PATH": os.environ["PATH"]}, check=True)
    assert log.read_bytes() == b"w" * 4096


AS_FIRST = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def test_as_the_first_process_it_is_out_of_reach_and_buries_orphans(launcher: Path, interpreter: Path) -> None:
    code = """
import os, signal, time
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1):
    os.kill(1, number)
for _ in range(300):
    child = os.fork()
    if child == 0:
        os.fork()
        os._exit(0)
    os.waitpid(child, 0)
def others():
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
ends = time.monotonic() + 60
while others() and time.monotonic() < ends:
    time.sleep(0.05)
print(others(), open("/proc/1/stat").read().split()[2] in "SR")
raise SystemExit(9)
"""
    result = subprocess.run(
        [*AS_FIRST, launcher, interpreter, "-I", "-c", code], env={}, capture_output=True, timeout=SECONDS, check=False
    )
    assert (result.stdout, result.returncode) == (b"[] True\n", 9), result.stderr


def test_its_own_user_opens_no_door_past_it(launcher: Path) -> None:
    tries = "; ".join(
        f"(: {way}) 2>&1" for way in ("> /proc/1/fd/1", "> /proc/1/fd/2", "< /proc/1/mem", "< /proc/1/environ")
    )
    somebody = ["setpriv", "--reuid", "10002", "--regid", "10002", "--clear-groups"]
    result = subprocess.run(
        [*AS_FIRST, *somebody, launcher, "/bin/sh", "-c", f"{tries}; id -u; cat /proc/self/fd/0"],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    *refusals, who = result.stdout.splitlines()
    assert [line.rpartition(": ")[2] for line in refusals] == ["Permission denied"] * 4
    assert (who, result.returncode) == ("10002", 0), result.stderr
