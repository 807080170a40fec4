"""The launcher against a list of attacks, three ways: bare, with one defence removed, and as it is.

An attack that fails bare proves nothing about a defence, so each has to work there, save what this kernel was built
without.
"""

import errno
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.attacks import ATTACKS, LANDLOCK, LIMITS, SECCOMP, UNAVAILABLE

ROOT = Path(__file__).resolve().parents[3]
STAGE_SECONDS = 100
NOT_IN_THIS_KERNEL = {errno.errorcode[code] for code in UNAVAILABLE}
REFUSALS = {"EPERM", "EACCES", "EAFNOSUPPORT", "ENOSYS", "EMFILE", "EFBIG", "killed by SIGSYS"}
NEXT_DEFENCE_HOLDS = {"mount(tmpfs)": "EPERM", "mq_open": "EMFILE"}
"""Still refused with seccomp removed: Landlock forbids mounts, RLIMIT_MSGQUEUE leaves no room for a queue."""


@cache
def _try_everything(stage: str) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *(str(ROOT / folder) for folder in ("algo-image", "wire"))])
    result = subprocess.run(
        [sys.executable, "-m", "tests.support.confinement_stages", stage],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=STAGE_SECONDS,
        check=False,
    )
    assert result.stdout, f"stage {stage} said nothing: {result.stderr}"
    outcomes: dict[str, str] = json.loads(result.stdout)
    assert outcomes.keys() == ATTACKS.keys()
    return outcomes


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_works_bare_and_fails_behind_the_launcher(name: str) -> None:
    bare, hardened = _try_everything("bare")[name], _try_everything("hardened")[name]
    assert bare == "worked" or bare in NOT_IN_THIS_KERNEL
    assert hardened in REFUSALS


def test_most_attacks_could_be_tried_on_this_kernel() -> None:
    assert list(_try_everything("bare").values()).count("worked") >= 50


@pytest.mark.parametrize("name", [name for name, (defence, _) in ATTACKS.items() if defence == SECCOMP])
def test_without_seccomp_the_attack_works_again(name: str) -> None:
    expected = NEXT_DEFENCE_HOLDS.get(name, _try_everything("bare")[name])
    assert _try_everything("without-seccomp")[name] == expected


@pytest.mark.parametrize("name", [name for name, (defence, _) in ATTACKS.items() if defence in (LANDLOCK, LIMITS)])
def test_without_seccomp_the_other_defences_hold(name: str) -> None:
    assert _try_everything("without-seccomp")[name] in REFUSALS


@pytest.mark.parametrize("name", ["int 0x80", "x32 call"])
def test_foreign_architectures_are_killed(name: str) -> None:
    assert _try_everything("hardened")[name] == "killed by SIGSYS"


def test_a_hole_keeps_the_launcher_from_starting(interpreter: Path, tmp_path: Path) -> None:
    launcher = tmp_path / "leaky.py"
    termination_log = tmp_path / "termination-log"
    launcher.write_text(
        "from stockade_runner.launcher import start\n"
        "start.install_filter = lambda program, machine: None\n"
        "start.launch()\n"
    )
    result = subprocess.run(
        [interpreter, "-I", "-B", launcher],
        env={"STOCKADE_TERMINATION_LOG": str(termination_log)},
        capture_output=True,
        text=True,
        timeout=STAGE_SECONDS,
        check=False,
    )
    assert result.returncode == 70
    assert "its code was not run: forbidden, and worked all the same: socket(AF_INET)" in result.stderr
    assert json.loads(termination_log.read_text())["kind"] == "LaunchError"
