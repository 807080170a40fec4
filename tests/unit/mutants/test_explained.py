"""The decision's list of survivors is read as it is written, and what drifts away from it is seen from both sides."""

import pytest

from tests.mutants.explained import DECISION, Change, describe_row, find_drift, read_explained

ONE = Change("orders", "_settle", "def f(x: int | None, *, y)", "def f(x: int | None, /, y)")
OTHER = Change("limits", "_middle", "return 1", "return 2")
TEXT = f"""
| module | run |
| `orders.py` | 1 |

## Survivors of `orders.py`

| where | before | after | why |
| --- | --- | --- | --- |
{describe_row(ONE)}

## Survivors of `limits.py`

{describe_row(OTHER)}
"""


def test_rows_are_read_as_they_are_written() -> None:
    assert read_explained(TEXT) == [ONE, OTHER]


def test_what_is_not_explained_and_what_survives_no_more_are_told_apart() -> None:
    assert find_drift([ONE, ONE], [ONE]) == ([], [])
    assert find_drift([ONE, OTHER], [ONE]) == ([OTHER], [])
    assert find_drift([], [ONE]) == ([], [ONE])


@pytest.mark.parametrize("module", ["orders", "limits"])
def test_every_row_of_the_decision_is_about_a_line_that_is_there(module: str) -> None:
    """Whoever edits one of those lines hears of it here, and not only from the next run of the mutants."""
    explained = [each for each in read_explained(DECISION.read_text(encoding="utf-8")) if each.module == module]
    assert len(explained) > 5
    source = (DECISION.parents[2] / "gateway" / "stockade_gateway" / f"{module}.py").read_text(encoding="utf-8")
    assert {each.before for each in explained} <= {line.strip() for line in source.splitlines()}
    assert all(f"{each.definition}(" in source for each in explained)
