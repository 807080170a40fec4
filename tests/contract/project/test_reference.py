"""The reference says what the code does: the written pages are current, the settings page has every variable."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[3]
SETTINGS = {
    "operator": "operator/stockade_operator",
    "panel": "panel/stockade_panel",
    "gateway": "gateway/stockade_gateway",
    "algorithm": "algo-image/stockade_runner",
    "migrations": "db/stockade_db",
    "paper-exchange": "paper-exchange/stockade_paper",
}


def reference() -> ModuleType:
    """The writer of the pages, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("reference", PROJECT / "docs/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_written_pages_are_current() -> None:
    stale = [page.name for page, text in reference().pages().items() if page.read_text() != text]
    assert stale == [], "run `make reference`"


def test_every_field_has_a_sentence() -> None:
    rows = [
        line for line in (PROJECT / "docs/reference/resources.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert rows
    assert [line for line in rows if line.rstrip().endswith("|  |")] == []


@pytest.mark.parametrize("part", SETTINGS)
def test_every_variable_a_part_reads_is_described_and_no_other(part: str) -> None:
    page = (PROJECT / "docs/reference/settings.md").read_text()
    section = re.search(rf"^## {part}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert section is not None, f"no section {part}"
    described = set(re.findall(r"^\| `(STOCKADE_[A-Z_]+)`", section.group(1), re.MULTILINE))
    sources = (PROJECT / SETTINGS[part]).rglob("settings.py")
    read = {name for path in sources for name in re.findall(r'"(STOCKADE_[A-Z_]+)"', path.read_text())}
    assert described == read
