"""SECURITY.md names, for each threat, a test that proves the answer; each of them exists."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
ROWS = [
    line
    for line in (PROJECT / "SECURITY.md").read_text().splitlines()
    # The rows of the attacks have a test of their own, tests/unit/attacks/test_expectations.py.
    if line.startswith("| ") and "`tests/" in line and "`tests/cluster/attacks`" not in line
]


def test_the_page_has_a_row_for_every_promise() -> None:
    promises = {int(number) for row in ROWS for number in re.findall(r"promise (\d)", row)}
    assert promises == set(range(1, 9))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:50])
def test_its_test_exists(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
    assert named
    for path, test in named:
        assert (PROJECT / path).is_file(), f"{path} is not there"
        assert not test or f"def {test}(" in (PROJECT / path).read_text(), f"{path} has no {test}"
