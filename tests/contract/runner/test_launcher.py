"""The launcher by itself: what the program it starts inherits, and what stops it from starting anything."""

import json
import os
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.launcher_builds import build_launcher

SECONDS = 60
PT_INTERP = 3
SAY_ALL = """
import json, os, resource, sys
opened = [int(name) for name in os.listdir("/proc/self/fd")]
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
mask = os.umask(0)
names = ("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK")
limits = {name: resource.getrlimit(getattr(resource, name)) for name in names}
print(json.dumps({
    "environment": dict(os.environ), "opened": opened, "umask": mask, "limits": limits, "path": sys.path,
    "stdin": sys.stdin.read(), "pid": os.getpid(), "modules": sorted(sys.modules),
    "status": {name: status[name].strip() for name in ("NoNewPrivs", "Seccomp")},
}))
"""


def start(
    launcher: Path,
    *command: str | Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    pass_fds: tuple[int, ...] = (),
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [launcher, *command],
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_it_needs_no_loader_and_no_library(launcher: Path) -> None:
    program = launcher.read_bytes()
    (offset,) = struct.unpack_from("=Q", program, 0x20)
    size, count = struct.unpack_from("=HH", program, 0x36)
    kinds = [struct.unpack_from("=I", program, offset + size * place)[0] for place in range(count)]
    assert PT_INTERP not in kinds


def test_the_interpreter_inherits_a_confined_process_and_nothing_else(interpreter: Path, launcher: Path) -> None:
    reading, writing = os.pipe()
    result = start(
        launcher, interpreter, "-I", "-B", "-c", SAY_ALL,
        env={"LANG": "C.UTF-8", "KEY": "canary", "STOCKADE_SYMBOLS": "BTCUSDT", "STOCKADE_LAUNCHER_REPORT": "forged"},
        pass_fds=(reading, writing), stdin="not for you",
    )  # fmt: skip
    os.close(reading)
    os.close(writing)
    said = json.loads(result.stdout)
    report = json.loads(said["environment"].pop("STOCKADE_LAUNCHER_REPORT"))
    assert {name: report[name] for name in ("no_new_privs", "seccomp", "self_test_passed")} == {
        "no_new_privs": True, "seccomp": True, "self_test_passed": True,
    }  # fmt: skip
    assert said["environment"] == {
        "LANG": "C.UTF-8", "STOCKADE_SYMBOLS": "BTCUSDT", "HOME": "/tmp", "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1", "STOCKADE_TERMINATION_LOG": "/proc/self/fd/3",
    }  # fmt: skip
    assert len(said["opened"]) == 5  # the standard three, the last words, and the folder that was listed
    assert said["stdin"] == ""
    assert said["umask"] == 0o077
    assert said["limits"] == {"RLIMIT_CORE": [0, 0], "RLIMIT_NOFILE": [256, 256], "RLIMIT_MEMLOCK": [0, 0]}
    assert said["status"] == {"NoNewPrivs": "1", "Seccomp": "2"}


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONSTARTUP": "PLANTED", "PYTHONINSPECT": "1"},
        {"PYTHONPATH": "PLANTED"},
        {"PYTHONHOME": "PLANTED"},
        {"PYTHONUSERBASE": "PLANTED", "HOME": "PLANTED"},
        {"LD_PRELOAD": "PLANTED/planted.so", "LD_LIBRARY_PATH": "PLANTED", "LD_AUDIT": "PLANTED/planted.so"},
        {"GCONV_PATH": "PLANTED", "LOCPATH": "PLANTED", "MALLOC_CHECK_": "3", "BASH_ENV": "PLANTED/planted.sh"},
    ],
)
def test_nothing_planted_runs_before_the_filter(
    interpreter: Path, launcher: Path, tmp_path: Path, variables: Mapping[str, str]
) -> None:
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "planted.pth", "stockade_runner.py"):
        (tmp_path / name).write_text('import sys; sys.stdout.write("PLANTED CODE RAN")')
    planted = {name: value.replace("PLANTED", str(tmp_path)) for name, value in variables.items()}
    code = "import json, os, sys; print(json.__file__, sys.path, dict(os.environ))"
    result = start(launcher, interpreter, "-I", "-B", "-c", code, env=planted, cwd=tmp_path)
    assert result.returncode == 0
    assert "PLANTED CODE RAN" not in result.stdout
    assert str(tmp_path) not in result.stdout


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ([], "it was not told what to start"),
        (['/nonexistent/"python"\n'], "/nonexistent/'python'' could not be started: No such file or directory"),
    ],
)
def test_a_launch_that_fails_tells_the_kubelet(launcher: Path, tmp_path: Path, command: list[str], reason: str) -> None:
    log = tmp_path / "termination-log"
    log.write_text("what was there before, and is longer than what comes" * 50)
    result = start(launcher, *command, env={"STOCKADE_TERMINATION_LOG": str(log)})
    record = json.loads(log.read_text())
    assert result.returncode == 70
    assert (record["kind"], record["file"], record["line"]) == ("LaunchError", None, None)
    assert reason in record["message"]
    assert result.stderr == record["message"] + "\n"


def test_a_link_in_place_of_the_termination_log_is_not_followed(launcher: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "log").symlink_to(victim)
    result = start(launcher, env={"STOCKADE_TERMINATION_LOG": str(tmp_path / "log")})
    assert result.returncode == 70
    assert victim.read_text() == "untouched"


def test_a_hole_keeps_the_launcher_from_starting(tmp_path: Path) -> None:
    termination_log, ran = tmp_path / "termination-log", tmp_path / "ran"
    leaky = build_launcher(tmp_path, without=["SECCOMP"])
    result = start(leaky, "/usr/bin/touch", ran, env={"STOCKADE_TERMINATION_LOG": str(termination_log)})
    assert result.returncode == 70
    assert not ran.exists()
    assert "its code was not run: forbidden, and worked all the same: socket(AF_INET, SOCK_STREAM)" in result.stderr
    record = json.loads(termination_log.read_text())
    assert record["kind"] == "LaunchError"
    assert "int 0x80" in record["message"]
