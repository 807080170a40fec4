"""Reads the canonical CRDs and the models' JSON schemas into one comparable form."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
CRD_FILES = sorted((ROOT / "crds").glob("*.yaml"))

COMPARED = (
    "type",
    "description",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "maxProperties",
)


def read_crd(kind: str) -> dict[str, Any]:
    """Return the canonical definition of a kind."""
    crd: dict[str, Any] = yaml.safe_load((ROOT / "crds" / f"{kind.lower()}.yaml").read_text())
    return crd


def read_crd_schema(kind: str) -> dict[str, Any]:
    """Return the schema the API server enforces for a kind."""
    schema: dict[str, Any] = read_crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def walk_schema(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the schema and every schema below it, each with its path."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from walk_schema(below, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from walk_schema(schema["items"], f"{path}[]")


def flatten_crd(schema: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """Return each field's path with what both sides can say about it."""
    fields = {path: {key: schema[key] for key in COMPARED if key in schema and schema[key] != {}}}
    fields[path]["required"] = sorted(schema.get("required", []))
    for name, below in schema.get("properties", {}).items():
        fields |= flatten_crd(below, f"{path}.{name}")
    if "items" in schema:
        fields |= flatten_crd(schema["items"], f"{path}[]")
    return fields


def flatten_model(model: type[BaseModel], path: str) -> dict[str, dict[str, Any]]:
    """Return the same for a model; `None` as a default means an absent field."""
    schema = model.model_json_schema(by_alias=True)
    return flatten_crd(_resolve(schema, schema.get("$defs", {})), path)


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Put definitions where they are used, and read "this or null" as an optional "this"."""
    own = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf", "$defs", "title"}}
    resolved: dict[str, Any] = {}
    if "$ref" in schema:
        resolved = _resolve(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    for choice in schema.get("anyOf", []):
        if choice.get("type") != "null":
            resolved = _resolve(choice, definitions)
    resolved |= own
    if resolved.get("default", ...) is None:
        del resolved["default"]
    if "properties" in resolved:
        resolved["properties"] = {name: _resolve(below, definitions) for name, below in resolved["properties"].items()}
    if "items" in resolved:
        resolved["items"] = _resolve(resolved["items"], definitions)
    return resolved
