"""The changes that no test can notice, read from the decision that says why: a run is held to that list, both ways."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DECISION = Path(__file__).resolve().parents[2] / "docs" / "decisions" / "0012-surviving-mutants.md"
_HEADING = re.compile(r"## Survivors of `(\w+)\.py`")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Change:
    """What a change looks like, wherever its line stands: it is known by this from one version to the next."""

    module: str
    definition: str
    before: str
    after: str


def read_explained(text: str) -> list[Change]:
    """Return every row of the decision's tables: where it is, the line before and after."""
    found: list[Change] = []
    module = ""
    for line in text.splitlines():
        if heading := _HEADING.fullmatch(line):
            module = heading[1]
        elif module and line.startswith("| `"):
            definition, before, after = (_read_code(cell) for cell in _CELLS.split(line)[1:4])
            found.append(Change(module, definition, before, after))
    return found


def describe_row(change: Change) -> str:
    """Return the change as a row of the decision's table, but for the reason."""
    cells = (f"`{each.replace('|', chr(92) + '|')}`" for each in (change.definition, change.before, change.after))
    return f"| {' | '.join(cells)} | why |"


def find_drift(survivors: Iterable[Change], explained: Iterable[Change]) -> tuple[list[Change], list[Change]]:
    """Return the survivors that nothing explains, and the explanations of what does not survive (any more)."""
    alive, known = list(survivors), list(explained)
    return [each for each in alive if each not in known], [each for each in known if each not in alive]


def _read_code(cell: str) -> str:
    return cell.strip().removeprefix("`").removesuffix("`").replace("\\|", "|")
