"""The locks hold what pyproject.toml pins, each archive with its hash, and name no package index."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRA_OF_LOCK = {
    "operator": "operator",
    "panel": "panel",
    "gateway": "gateway",
    "algorithm": "algorithm",
    "paper-exchange": "paper",
    "migrations": "db",
}
LOCKS = [*EXTRA_OF_LOCK, "dev"]


def pins_of(requirements: list[str]) -> dict[str, str]:
    """Return name and version of "name[extras]==version" lines."""
    matches = [re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", requirement) for requirement in requirements]
    return {match[1].lower(): match[2] for match in matches if match}


def read_lock(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {match[1].lower(): match[2] for match in re.finditer(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)}


def wanted(name: str) -> dict[str, str]:
    base: list[str] = PROJECT["project"]["dependencies"]
    extras: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
    if name != "dev":
        return pins_of(base + extras[EXTRA_OF_LOCK[name]])
    group: list[str] = PROJECT["dependency-groups"]["dev"]
    return pins_of([*base, *(line for extra in extras.values() for line in extra), *group])


def test_every_extra_has_a_lock() -> None:
    assert set(EXTRA_OF_LOCK.values()) == set(PROJECT["project"]["optional-dependencies"])
    assert sorted(file.stem for file in (ROOT / "requirements").glob("*.txt")) == sorted(LOCKS)


def test_every_requirement_is_pinned() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = [line for extra in extras for line in extra] + PROJECT["project"]["dependencies"]
    assert [line for line in lines if not pins_of([line])] == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_the_versions_of_pyproject(name: str) -> None:
    locked = read_lock(name)
    different = {package: (version, locked.get(package)) for package, version in wanted(name).items()}
    assert {package: pair for package, pair in different.items() if pair[0] != pair[1]} == {}, "run `make locks`"


@pytest.mark.parametrize("name", LOCKS)
def test_every_archive_has_a_hash_and_no_line_names_a_host(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [package.split("==")[0] for package in packages if "--hash=sha256:" not in package] == []
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", text) == []


@pytest.mark.parametrize("name", EXTRA_OF_LOCK)
def test_images_agree_with_the_versions_that_were_tested(name: str) -> None:
    tested = read_lock("dev")
    assert {package: version for package, version in read_lock(name).items() if tested.get(package) != version} == {}


def test_only_the_gateway_has_an_exchange_library() -> None:
    exchange_libraries = {"python-binance", "ccxt", "picows"}
    assert {name for name in EXTRA_OF_LOCK if exchange_libraries & set(read_lock(name))} == {"gateway"}


def test_strangers_code_finds_only_what_the_sdk_needs_and_what_algorithms_compute_with() -> None:
    assert set(read_lock("algorithm")) == {
        "annotated-types",
        "msgspec",
        "numpy",
        "pandas",
        "pydantic",
        "pydantic-core",
        "python-dateutil",
        "ta-lib",
        "talipp",
        "typing-extensions",
        "typing-inspection",
        "tzdata",
    }
