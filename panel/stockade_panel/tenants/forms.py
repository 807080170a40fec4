"""The form of a Tenant: what was typed and the manifest it makes. Pure."""

from collections.abc import Mapping
from typing import Any

from stockade_panel.errors import Refusal
from stockade_panel.kubectl import Manifest

FIELDS = ("name", "displayName", "algorithms", "cpu", "memory", "allowLive")
DEFAULTS = {"name": "", "displayName": "", "algorithms": "20", "cpu": "16", "memory": "16Gi", "allowLive": ""}
PATHS = {
    "metadata.name": "name",
    "spec.displayName": "displayName",
    "spec.quota.algorithms": "algorithms",
    "spec.quota.cpu": "cpu",
    "spec.quota.memory": "memory",
}


def read_values(form: Mapping[str, str]) -> dict[str, str]:
    """What was typed."""
    return {name: form.get(name, "").strip() for name in FIELDS}


def build_manifest(values: dict[str, str]) -> tuple[Manifest, dict[str, str]]:
    """The object a form asks for, and what is wrong by field."""
    errors = {}
    if not values["name"]:
        errors["name"] = "Write a name: small letters, digits and hyphens."
    if not values["algorithms"].isdecimal():
        errors["algorithms"] = "Write a whole number."
    quota: dict[str, Any] = {"cpu": values["cpu"] or "16", "memory": values["memory"] or "16Gi"}
    if values["algorithms"].isdecimal():
        quota["algorithms"] = int(values["algorithms"])
    spec: dict[str, Any] = {"quota": quota, "exchange": {"allowLive": values["allowLive"] == "true"}}
    if values["displayName"]:
        spec["displayName"] = values["displayName"]
    return {"metadata": {"name": values["name"]}, "spec": spec}, errors


def place_refusals(refusals: tuple[Refusal, ...], message: str) -> dict[str, str]:
    """The API server's reasons by field."""
    errors = {PATHS.get(refusal.path.lstrip("."), "general"): refusal.message for refusal in refusals}
    return errors or {"general": message}
