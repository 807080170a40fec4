"""The form of an Algorithm: what was typed, what is wrong with it field by field, and the manifest it makes. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stockade_panel.errors import Refusal
from stockade_panel.kubectl import Manifest

TEXT_LIMITS = ("maxOrderNotional", "maxPositionNotional", "maxDailyLoss", "priceBandPercent")
COUNT_LIMITS = ("maxOpenOrders", "maxOrdersPerMinute")
FIELDS = (
    "namespace", "name", "account", "source", "entrypoint", "parameters", "symbols", "onStop", "updatePolicy", "cpu",
    "memory", "deadManSeconds", "deadManAction", "quoteAsset", *TEXT_LIMITS, *COUNT_LIMITS,
)  # fmt: skip
DEFAULTS = {
    "symbols": "BTCUSDT",
    "parameters": "{}",
    "onStop": "CancelOrders",
    "cpu": "500m",
    "memory": "256Mi",
    "quoteAsset": "USDT",
    "maxOrderNotional": "100",
    "maxPositionNotional": "500",
    "maxOpenOrders": "10",
    "maxOrdersPerMinute": "60",
    "maxDailyLoss": "50",
    "priceBandPercent": "5",
    "deadManSeconds": "60",
    "deadManAction": "CancelOrders",
    "state": "Running",
}
# Where the API server's paths are in the form; the longest match wins.
PATHS = {
    "metadata.name": "name",
    "spec.account": "account",
    "spec.source": "source",
    "spec.entrypoint": "entrypoint",
    "spec.parameters": "parameters",
    "spec.symbols": "symbols",
    "spec.onStop": "onStop",
    "spec.updatePolicy": "updatePolicy",
    "spec.resources.cpu": "cpu",
    "spec.resources.memory": "memory",
    "spec.deadMan.afterSeconds": "deadManSeconds",
    "spec.deadMan": "deadManSeconds",
    "spec.limits": "maxOrderNotional",
    "spec.state": "state",
    "spec": "general",
    **{f"spec.limits.{name}": name for name in (*TEXT_LIMITS, *COUNT_LIMITS, "quoteAsset")},
}


@dataclass
class Draft:
    """A form in work. `values` is what was typed, so that nothing typed is lost; `errors` names what is wrong."""

    values: dict[str, str]
    errors: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, name: str, message: str) -> None:
        """Note an error at a field."""
        self.errors.setdefault(name, []).append(message)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.errors


def read_draft(form: Mapping[str, str]) -> Draft:
    """What was typed; line ends as Python source has them."""
    values = {name: form.get(name, "") for name in FIELDS}
    values["source"] = values["source"].replace("\r\n", "\n")
    values["state"] = "Running" if form.get("state") == "Running" else "Stopped"
    return Draft({name: value if name == "source" else value.strip() for name, value in values.items()})


def read_symbols(text: str) -> list[str]:
    """Symbols separated by commas or blanks, in the exchange's capitals, each once."""
    return list(dict.fromkeys(word.upper() for word in text.replace(",", " ").split()))


def build_manifest(draft: Draft) -> Manifest:
    """The object a form asks for. What can't be read is noted in `draft.errors` and left out."""
    values = draft.values
    for name, label in (("name", "a name"), ("account", "an account"), ("namespace", "a tenant")):
        if not values[name]:
            draft.refuse(name, f"Choose {label}.")
    symbols = read_symbols(values["symbols"])
    if not symbols:
        draft.refuse("symbols", "Name at least one symbol, for example BTCUSDT.")
    spec: dict[str, Any] = {
        "account": values["account"],
        "source": {"inline": values["source"]},
        "symbols": symbols,
        "state": values["state"],
        "trading": "Active",
        "onStop": values["onStop"] or DEFAULTS["onStop"],
        "resources": {"cpu": values["cpu"] or DEFAULTS["cpu"], "memory": values["memory"] or DEFAULTS["memory"]},
    }
    for name in ("entrypoint", "updatePolicy"):
        if values[name]:
            spec[name] = values[name]
    parameters = _read_parameters(draft)
    if parameters:
        spec["parameters"] = parameters
    limits = _read_limits(draft)
    if limits:
        spec["limits"] = limits
    seconds = _read_count(draft, "deadManSeconds")
    if seconds is not None:
        spec["deadMan"] = {
            "afterSeconds": seconds,
            "action": values["deadManAction"] or DEFAULTS["deadManAction"],
        }
    return {"metadata": {"name": values["name"], "namespace": values["namespace"]}, "spec": spec}


def build_change(draft: Draft) -> Manifest:
    """The change an edited form asks for.

    As build_manifest, but state and trading stay as they are, and what was emptied is given up.
    """
    spec = build_manifest(draft)["spec"]
    del spec["state"], spec["trading"]
    for name in ("entrypoint", "updatePolicy", "parameters", "limits", "deadMan"):
        spec.setdefault(name, None)
    if spec["limits"] is not None:
        for name in (*TEXT_LIMITS, *COUNT_LIMITS):
            spec["limits"].setdefault(name, None)
    return {"spec": spec}


def fill_draft(manifest: Manifest) -> Draft:
    """The form of an Algorithm that exists."""
    spec, metadata = manifest["spec"], manifest["metadata"]
    limits, resources, dead_man = spec.get("limits") or {}, spec.get("resources") or {}, spec.get("deadMan") or {}
    parameters = spec.get("parameters")
    values = {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "account": spec.get("account", ""),
        "source": (spec.get("source") or {}).get("inline") or "",
        "entrypoint": spec.get("entrypoint") or "",
        "parameters": json.dumps(parameters, indent=2) if parameters else "{}",
        "symbols": ", ".join(spec.get("symbols", [])),
        "onStop": spec.get("onStop", "CancelOrders"),
        "updatePolicy": spec.get("updatePolicy") or "",
        "cpu": resources.get("cpu", ""),
        "memory": resources.get("memory", ""),
        "deadManSeconds": str(dead_man.get("afterSeconds", "")),
        "deadManAction": dead_man.get("action", "CancelOrders"),
        "quoteAsset": limits.get("quoteAsset", "USDT"),
        "state": spec.get("state", "Running"),
    }
    for name in (*TEXT_LIMITS, *COUNT_LIMITS):
        values[name] = str(limits.get(name, ""))
    return Draft(values)


def place_refusals(draft: Draft, refusals: tuple[Refusal, ...], message: str) -> None:
    """Put the API server's reasons beside the fields they are about; what belongs to no field is said in general."""
    for refusal in refusals:
        draft.refuse(find_field(refusal.path), refusal.message)
    if not refusals:
        draft.refuse("general", message)


def find_field(path: str) -> str:
    """The form's field for a path such as `spec.limits.maxOrderNotional` or `spec.symbols[0]`."""
    plain = path.lstrip(".").partition("[")[0]
    while plain:
        if plain in PATHS:
            return PATHS[plain]
        plain = plain.rpartition(".")[0]
    return "general"


def _read_parameters(draft: Draft) -> dict[str, Any] | None:
    text = draft.values["parameters"] or "{}"
    try:
        parameters = json.loads(text)
    except ValueError as error:
        draft.refuse("parameters", f"This is not JSON: {error}")
        return None
    except RecursionError:
        draft.refuse("parameters", "Nest lists and objects at most five deep.")
        return None
    if not isinstance(parameters, dict):
        draft.refuse("parameters", 'Write an object, for example {"quantity": "0.001"}.')
        return None
    return parameters


def _read_limits(draft: Draft) -> dict[str, Any]:
    limits: dict[str, Any] = {name: draft.values[name] for name in TEXT_LIMITS if draft.values[name]}
    for name in COUNT_LIMITS:
        count = _read_count(draft, name)
        if count is not None:
            limits[name] = count
    if limits:
        limits["quoteAsset"] = draft.values["quoteAsset"].upper() or "USDT"
    return limits


def _read_count(draft: Draft, name: str) -> int | None:
    text = draft.values[name]
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        draft.refuse(name, "Write a whole number, or leave it empty for no limit.")
        return None
    return int(text)
