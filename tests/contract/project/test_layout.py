"""The layout keeps its promises: one folder per part, nothing that shadows, nothing that names a registry."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
COMPONENTS = ("operator", "panel", "gateway", "algo-image", "wire", "paper-exchange", "db", "crds")
FORBIDDEN_NAMES = ("utils", "common", "helpers", "misc")
REGISTRY_HOSTS = re.compile(
    r"https?://[a-z0-9.-]*(pypi|pythonhosted|npmjs|golang|crates|maven|debian)[a-z0-9-]*\.(org|io|com)"
)


def tracked(*patterns: str) -> list[Path]:
    """Every file git knows, by pattern."""
    done = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [PROJECT / name for name in done.stdout.split("\0") if name and (PROJECT / name).is_file()]


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_folder_is_never_a_package(component: str) -> None:
    assert (PROJECT / component).is_dir()
    assert not (PROJECT / component / "__init__.py").exists(), "it would shadow a module of the standard library"


def test_every_package_is_built() -> None:
    built = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    found = {str(path.parent.relative_to(PROJECT)) for path in tracked("*/stockade_*/__init__.py")}
    assert {path for path in found if path.count("/") == 1} - {"local-cluster/stockade_cluster"} == set(built)


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    assert [path for path in tracked("*.py") if path.stem in FORBIDDEN_NAMES] == []


def test_every_folder_of_tests_is_a_package() -> None:
    # An attack's folder is a document with its program, read by its path.
    folders = {path.parent for path in tracked("tests/*.py") if path.name != "attack.py"}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_fixture_lasts_for_a_package() -> None:
    scope = 'scope="' + 'package"'
    assert [path for path in tracked("tests/*.py") if scope in path.read_text()] == []


def test_no_file_names_a_registrys_host() -> None:
    assert [str(path) for path in tracked() if REGISTRY_HOSTS.search(path.read_text(errors="replace"))] == []


def test_no_test_is_skipped() -> None:
    marks = ("mark." + "skip", "pytest." + "skip(", "mark." + "xfail", "import" + "orskip")
    found = [(path.name, mark) for path in tracked("tests/*.py") for mark in marks if mark in path.read_text()]
    assert found == []


def test_the_map_names_every_folder() -> None:
    page = (PROJECT / "ARCHITECTURE.md").read_text()
    folders = {path.relative_to(PROJECT).parts[0] for path in tracked() if len(path.relative_to(PROJECT).parts) > 1}
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in page] == []


def test_every_file_the_map_names_exists() -> None:
    page = (PROJECT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`((?:[a-z][\w.-]*/)+[\w.-]+\.(?:py|yaml|toml|md))`", page)
    assert named
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_every_make_target_says_what_it_does() -> None:
    lines = (PROJECT / "Makefile").read_text().splitlines()
    targets = [line for line in lines if re.match(r"^[a-z][a-z-]*:", line)]
    assert targets
    assert [line for line in targets if "## " not in line] == []


def test_the_machine_that_checks_calls_the_readmes_test_command_and_nothing_else() -> None:
    lines = [line.strip() for line in (PROJECT / ".ci/run").read_text().splitlines()]
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test"]
    assert "make test" in (PROJECT / "README.md").read_text()
