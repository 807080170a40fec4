"""Each attack is whole: files, an expectation, a name in SECURITY.md; and each row of the checklist is answered."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from tests.support.attacks.bundle import make_source
from tests.support.attacks.expectation import CHECKLIST_ROWS, FOLDER, Defence, Expectation, read_attacks
from tests.support.attacks.table import format_table, make_rows
from tests.support.attacks.weakened import WEAKENINGS

PROJECT = Path(__file__).parents[3]
ATTACKS = read_attacks()
FOLDERS = sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__")
LARGEST_INLINE_SOURCE = 262144
LONGEST_ATTACK = 40
NOT_HERE = yaml.safe_load((FOLDER / "not_here.yaml").read_text())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_is_an_attack(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"attack.py", "expect.yaml"}
    text = (folder / "attack.py").read_text()
    tree = ast.parse(text)
    assert "\n\n" in (ast.get_docstring(tree) or ""), "say what is tried, and why it matters"
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["attack"]
    assert len(text.splitlines()) <= LONGEST_ATTACK


def test_every_row_of_the_checklist_is_answered() -> None:
    tried = {row for attack in ATTACKS for row in attack.expected.checklist}
    assert tried | NOT_HERE.keys() == set(range(1, CHECKLIST_ROWS + 1))


def test_the_list_lacked_at_least_fifteen() -> None:
    assert sum(not attack.expected.checklist for attack in ATTACKS) >= 15


@pytest.mark.parametrize("number", NOT_HERE)
def test_what_is_not_here_has_a_reason_and_its_test_exists(number: int) -> None:
    row = NOT_HERE[number]
    assert row.keys() <= {"reason", "test"}
    assert row["reason"].endswith(".")
    assert "test" not in row or (PROJECT / row["test"]).is_file()


def test_every_attack_is_named_in_the_security_page() -> None:
    page = (PROJECT / "SECURITY.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|") and "`tests/cluster/attacks`" in line]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.rsplit("`tests/cluster/attacks`", 1)[1])}
    assert named == {attack.name for attack in ATTACKS}


def test_every_defence_can_be_taken_away() -> None:
    assert set(Defence) - {Defence.OUTSIDE} <= WEAKENINGS.keys()


def test_the_attacks_fit_into_one_algorithm() -> None:
    source = make_source((attack for attack in ATTACKS if attack.is_inside), {"name server": "10.96.0.10"})
    ast.parse(source)
    assert len(source.encode()) <= LARGEST_INLINE_SOURCE


GOOD = {"hardened": "EPERM", "defence": "filter", "holds": "deny.mounts", "removed": "worked"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hardened": "worked"}, "an attack that works there is a hole"),
        ({"removed": "EPERM"}, "name the next defence"),
        ({"next": "Landlock"}, "name the next defence"),
        ({"hardened": "no"}, "String should match pattern"),
        ({"checklist": [85]}, "less than or equal to 84"),
        ({"more": 1}, "Extra inputs"),
    ],
)
def test_a_wrong_expectation_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Expectation.model_validate(GOOD | change)


def test_a_row_is_judged_by_its_expectation() -> None:
    attack = next(attack for attack in ATTACKS if attack.name == "mount_a_tmpfs")
    good = {"privileged": "worked", "hardened": "EPERM", "user-namespace": "EPERM", "filter": "EPERM"}
    outcomes = {stage: {attack.name: outcome} for stage, outcome in good.items()}
    assert make_rows([attack], outcomes)[0].faults == []
    outcomes |= {"privileged": {attack.name: "EPERM"}, "hardened": {attack.name: "worked"}, "filter": {}}
    (row,) = make_rows([attack], outcomes)
    assert [fault.split(":")[0] for fault in row.faults] == ["void", "OPEN", "differs"]
    assert "1 attacks: 0 work bare, 0 fail hardened" in format_table([row])
