"""What algorithms compute with works behind the launcher: real code of each library, with the result it has outside."""

import subprocess
from pathlib import Path

import pytest

from tests.support.library_code import CODE

SECONDS = 100


def compute(command: list[str | Path], code: str) -> str:
    result = subprocess.run(
        [*command, "-I", "-B", "-c", code], env={}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout
    return result.stdout


@pytest.mark.parametrize("library", CODE)
def test_a_library_computes_the_same_behind_the_launcher(interpreter: Path, library: str) -> None:
    confined = compute([interpreter.with_name("launcher"), interpreter], CODE[library])
    assert confined == compute([interpreter], CODE[library])
