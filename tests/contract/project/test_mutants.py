"""The forge of the mutation run: what is noticed, what survives, and tests that can judge nothing."""

import os
import subprocess
import sys
from pathlib import Path

from tests.mutants.forge import ROOT

TESTS = "from tiny import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
SCRIPT = """
import sys
from tests.mutants.forge import BrokenTestsError, Forge

forge = Forge("tiny", [sys.argv[1]])
sources = ["def double(x): return x * 2", "def double(x): return x ** 2", "def double(x): return x * 3", "def double("]
try:
    forge.measure(sources[2])
except BrokenTestsError as error:
    print(str(error).partition(": ")[2])
forge.measure(sources[0])
print(sorted(forge.try_all([lambda each=each: each for each in sources], side_by_side=2)))
"""


def test_a_change_survives_when_all_tests_pass_with_it(tmp_path: Path) -> None:
    (tmp_path / "tiny.py").write_text("raise RuntimeError('a mutant is made of its text alone')\n")
    tests = tmp_path / "test_tiny.py"
    tests.write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tests)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == [
        "they fail without any change of tiny",
        "[(0, True), (1, True), (2, False), (3, False)]",
    ]
