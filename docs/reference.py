"""Writes docs/reference/ from what is canonical: the resources' schemas and the chart's values.

Run by `make reference`; a test compares what it would write with what is committed.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[1]
REFERENCE = PROJECT / "docs/reference"
RESOURCES = ("tenant", "exchangeaccount", "algorithm")


def render_resources(definitions: list[dict[str, Any]]) -> str:
    """Every field of every resource, with its type, bounds and sentence."""
    lines = ["# Resources", "", "Written from `crds/*.yaml` by `make reference`.", ""]
    for definition in definitions:
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        lines += [f"## {definition['spec']['names']['kind']}", "", one_line(schema.get("description", "")), ""]
        for part in ("spec", "status"):
            lines += [f"### {part}", "", "| field | type | meaning |", "| --- | --- | --- |"]
            lines += [row(*each) for each in walk(schema["properties"][part], part)]
            lines.append("")
    return "\n".join(lines)


def render_values(schema: Mapping[str, Any]) -> str:
    """Every value of the chart."""
    lines = ["# Values of the chart", "", "Written from `charts/stockade/values.schema.json` by `make reference`.", ""]
    lines += ["| value | type | meaning |", "| --- | --- | --- |"]
    lines += [row(path.removeprefix("."), kind, text) for path, kind, text in walk(schema, "")]
    return "\n".join([*lines, ""])


def walk(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """Each property below a schema as path, type with its bounds, and description."""
    for name, each in (schema.get("properties") or {}).items():
        here = f"{path}.{name}"
        yield here, describe_type(each), one_line(each.get("description", ""))
        yield from walk(each, here)
        if isinstance(each.get("items"), Mapping):
            yield from walk(each["items"], f"{here}[]")


def describe_type(schema: Mapping[str, Any]) -> str:
    """A schema's type, alternatives and bounds in a few words."""
    kind = schema.get("type", "any")
    words = [" or ".join(kind) if isinstance(kind, list) else str(kind)]
    if "enum" in schema:
        words.append(": " + ", ".join(f"`{each}`" for each in schema["enum"]))
    if "default" in schema:
        words.append(f", default `{json.dumps(schema['default'])}`")
    bounds = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
    words += [f", {bound} {schema[bound]}" for bound in bounds if bound in schema]
    return "".join(words)


def row(path: str, kind: str, text: str) -> str:
    """One line of a table."""
    return f"| `{path}` | {kind.replace('|', '/')} | {text.replace('|', '/')} |"


def one_line(text: str) -> str:
    """A description without its line breaks."""
    return " ".join(text.split())


def pages() -> dict[Path, str]:
    """Every page of the reference with the text it should have."""
    definitions = [yaml.safe_load((PROJECT / f"crds/{name}.yaml").read_text()) for name in RESOURCES]
    values = json.loads((PROJECT / "charts/stockade/values.schema.json").read_text())
    return {REFERENCE / "resources.md": render_resources(definitions), REFERENCE / "values.md": render_values(values)}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text)
