"""The launcher against a list of attacks, three ways: bare, with one defence removed, and as it is.

An attack that fails bare proves nothing about a defence, so each has to work there, save what this kernel was built
without.
"""

import errno
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.support.attacks import ATTACKS, LANDLOCK, LIMITS, SECCOMP, UNAVAILABLE
from tests.support.launcher_builds import build_launcher

ROOT = Path(__file__).resolve().parents[3]
STAGE_SECONDS = 100
NOT_IN_THIS_KERNEL = {errno.errorcode[code] for code in UNAVAILABLE}
REFUSALS = {"EPERM", "EACCES", "EAFNOSUPPORT", "ENOSYS", "EMFILE", "EFBIG", "killed by SIGSYS"}
NEXT_DEFENCE_HOLDS = {"mount(tmpfs)": "EPERM", "mq_open": "EMFILE"}
"""Still refused with seccomp removed: Landlock forbids mounts, RLIMIT_MSGQUEUE leaves no room for a queue."""


BARE, HARDENED = None, ()
WITHOUT_SECCOMP = ("SECCOMP", "SELF_TEST")


@cache
def _try_everything(without: tuple[str, ...] | None) -> dict[str, str]:
    """What comes of each attack without a launcher, or behind one that lacks some defences."""
    with tempfile.TemporaryDirectory() as folder:
        launcher = [] if without is None else [build_launcher(Path(folder), without)]
        result = subprocess.run(
            [sys.executable, "-m", "tests.support.confinement_stages", *launcher],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=STAGE_SECONDS,
            check=False,
        )
    assert result.stdout, f"without {without}, nothing was said: {result.stderr}"
    outcomes: dict[str, str] = json.loads(result.stdout)
    assert outcomes.keys() == ATTACKS.keys()
    return outcomes


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_works_bare_and_fails_behind_the_launcher(name: str) -> None:
    bare, hardened = _try_everything(BARE)[name], _try_everything(HARDENED)[name]
    assert bare == "worked" or bare in NOT_IN_THIS_KERNEL
    assert hardened in REFUSALS


def test_most_attacks_could_be_tried_on_this_kernel() -> None:
    assert list(_try_everything(BARE).values()).count("worked") >= 50


@pytest.mark.parametrize("name", [name for name, (defence, _) in ATTACKS.items() if defence == SECCOMP])
def test_without_seccomp_the_attack_works_again(name: str) -> None:
    expected = NEXT_DEFENCE_HOLDS.get(name, _try_everything(BARE)[name])
    assert _try_everything(WITHOUT_SECCOMP)[name] == expected


@pytest.mark.parametrize("name", [name for name, (defence, _) in ATTACKS.items() if defence in (LANDLOCK, LIMITS)])
def test_without_seccomp_the_other_defences_hold(name: str) -> None:
    assert _try_everything(WITHOUT_SECCOMP)[name] in REFUSALS


@pytest.mark.parametrize("name", ["int 0x80", "x32 call"])
def test_foreign_architectures_are_killed(name: str) -> None:
    assert _try_everything(HARDENED)[name] == "killed by SIGSYS"


def test_a_hole_keeps_the_launcher_from_starting(tmp_path: Path) -> None:
    termination_log, ran = tmp_path / "termination-log", tmp_path / "ran"
    result = subprocess.run(
        [build_launcher(tmp_path, without=["SECCOMP"]), "/usr/bin/touch", ran],
        env={"STOCKADE_TERMINATION_LOG": str(termination_log)},
        capture_output=True,
        text=True,
        timeout=STAGE_SECONDS,
        check=False,
    )
    assert result.returncode == 70
    assert not ran.exists()
    assert "its code was not run: forbidden, and worked all the same: socket(AF_INET, SOCK_STREAM)" in result.stderr
    record = json.loads(termination_log.read_text())
    assert record["kind"] == "LaunchError"
    assert "int 0x80" in record["message"]
