"""The launcher's filter on the kernel of this machine: hundreds of thousands of real calls, none of them carried out.

Closes what the interpreter of the unit tests leaves open: that the kernel checks, translates and runs the same bytes.
"""

import platform
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from stockade_launcher.policy import load_policy
from tests.support.kernel.probe import FOREIGN_NUMBERS, build_probe, run
from tests.support.kernel.questions import write_questions
from tests.support.launcher_builds import build_launcher

CALLS = 1_000_000


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program that asks."""
    return build_probe(tmp_path_factory.mktemp("probe"))


def ask(probe: Path, folder: Path, without: Sequence[str] = ()) -> tuple[int, int, int]:
    """Return how many calls were asked about behind a launcher, how many passed, and how many answers were wrong."""
    (folder / "questions").write_bytes(write_questions(load_policy(platform.machine()), CALLS))
    launcher = build_launcher(folder, without)
    said = run(probe, "mark", launcher, probe, "ask", folder / "questions")
    counts = re.search(r"asked (\d+), passed (\d+), wrong (\d+)", said)
    assert counts is not None, said
    asked, passed, wrong = map(int, counts.groups())
    return asked, passed, wrong


def test_the_kernel_answers_as_the_policy_says(probe: Path, tmp_path: Path) -> None:
    asked, passed, wrong = ask(probe, tmp_path)
    assert wrong == 0
    assert 0.2 < passed / asked < 0.8


def test_a_launcher_without_the_filter_is_found_out(probe: Path, tmp_path: Path) -> None:
    asked, passed, wrong = ask(probe, tmp_path, ("SECCOMP", "SELF_TEST"))
    assert passed == asked
    assert wrong > asked / 5


def test_calls_of_another_table_end_the_process(probe: Path, tmp_path: Path) -> None:
    said = run(build_launcher(tmp_path), probe, "kill", *FOREIGN_NUMBERS)
    assert said.splitlines() == [f"{number}: signal 31" for number in FOREIGN_NUMBERS]
