"""Which field manager owns which field of an object, read from `metadata.managedFields`: pure.

A server-side apply must repeat every field its manager already owns, or the API server removes those it left out. So an
act that changes one field starts from the fields the panel owns.
"""

from typing import Any

MANAGER = "stockade-panel"

Path = tuple[str, ...]


def read_owned_fields(manifest: dict[str, Any], manager: str = MANAGER) -> dict[str, Any]:
    """The part of `manifest` (spec and metadata) that `manager` applied, with the values it has now."""
    owned: dict[str, Any] = {}
    for entry in _entries(manifest, manager):
        if entry.get("operation") == "Apply" and not entry.get("subresource"):
            picked = _pick(manifest, entry.get("fieldsV1", {}))
            if isinstance(picked, dict):
                _merge(owned, picked)
    return owned


def find_other_managers(manifest: dict[str, Any], path: Path, manager: str = MANAGER) -> tuple[str, ...]:
    """The managers other than ours that own the field at `path` or anything below it, sorted; status writes aside."""
    found = {
        entry.get("manager", "")
        for entry in manifest.get("metadata", {}).get("managedFields", [])
        if entry.get("manager") != manager and not entry.get("subresource") and _covers(entry.get("fieldsV1", {}), path)
    }
    return tuple(sorted(found))


def merge_change(owned: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`owned` with `change` laid over it; None in `change` gives a field up. Neither argument is changed."""
    merged: dict[str, Any] = {}
    for key in [*owned, *(key for key in change if key not in owned)]:
        if key not in change:
            merged[key] = owned[key]
        elif isinstance(change[key], dict) and isinstance(owned.get(key), dict):
            merged[key] = merge_change(owned[key], change[key])
        elif change[key] is not None:
            merged[key] = change[key]
    return merged


def _entries(manifest: dict[str, Any], manager: str) -> list[dict[str, Any]]:
    return [e for e in manifest.get("metadata", {}).get("managedFields", []) if e.get("manager") == manager]


def _pick(value: Any, fields: dict[str, Any]) -> Any:
    """The part of `value` that a fieldsV1 tree names. An empty tree is a leaf: the whole value is owned."""
    children = {key: below for key, below in fields.items() if key != "."}
    if not children:
        return value
    if isinstance(value, list):
        # Elements of set-like lists are owned one by one (`v:"BTCUSDT"`); ours is the list as it stands.
        return value
    if not isinstance(value, dict):
        return value
    picked = {}
    for key, below in children.items():
        name = key.removeprefix("f:")
        if key.startswith("f:") and name in value:
            picked[name] = _pick(value[name], below)
    return picked


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _covers(fields: dict[str, Any], path: Path) -> bool:
    for name in path:
        below = fields.get(f"f:{name}")
        if below is None:
            return False
        fields = below
    return True
