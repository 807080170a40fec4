"""Every value is described once in values.yaml and once in the schema, with the same words; nothing else is taken."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.chart import CHART, HelmError, render

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def read_comments() -> dict[str, str]:
    """Return each value's path with the comment above it."""
    comments: dict[str, str] = {}
    path: list[str] = []
    pending: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if comment := re.fullmatch(r" *# (.+)", line):
            pending.append(comment[1])
            continue
        if key := re.match(r"( *)([A-Za-z]+):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if "resources" not in path[:-1]:
                comments[".".join(path)] = " ".join(pending)
        pending = []
    return comments


def walk_schema(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, below in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        yield here, below
        if here != "image.tags":
            yield from walk_schema(below, here)


def walk_values(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, below in values.items():
        here = f"{path}.{name}".lstrip(".")
        yield here
        if isinstance(below, dict) and name != "resources":
            yield from walk_values(below, here)


def test_comments_and_schema_describe_each_value_with_the_same_words() -> None:
    assert read_comments() == {path: schema["description"] for path, schema in walk_schema(SCHEMA)}


def test_the_schema_has_the_values_and_no_other() -> None:
    assert sorted(walk_values(VALUES)) == sorted(path for path, _ in walk_schema(SCHEMA))


def test_no_object_takes_unknown_values() -> None:
    objects = [SCHEMA, *(schema for _, schema in walk_schema(SCHEMA)), *SCHEMA["$defs"].values()]
    assert [
        each for each in objects if each.get("type") == "object" and each.get("additionalProperties") is not False
    ] == []


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"replicas": 2}, "replicas"),
        ({"panel": {"replica": 2}}, "replica"),
        ({"panel": {"replicas": 0}}, "replicas"),
        ({"panel": {"publicUrl": "panel.example"}}, "publicUrl"),
        ({"panel": {"admin": {"password": "short"}}}, "password"),
        ({"image": {"tags": {"gatway": "1"}}}, "gatway"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"paperExchange": {"seed": -1}}, "seed"),
        ({"postgresql": {"persistence": {"size": 5}}}, "size"),
        ({"postgresql": {"maxConnections": "300"}}, "maxConnections"),
        ({"operator": {"resources": {"limits": {"gpu": "1"}}}}, "gpu"),
        ({"networkPolicies": {"apiServerPorts": [0]}}, "apiServerPorts"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], place: str) -> None:
    with pytest.raises(HelmError, match=place):
        render(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"postgresql": {"enabled": False}, "database": {"existingSecret": "mine"}},
            "write the host of your PostgreSQL",
        ),
        ({"postgresql": {"enabled": False}, "database": {"host": "db"}}, "write the name of the Secret"),
    ],
)
def test_half_a_database_is_refused_with_what_to_write(values: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError, match=message):
        render(values)
