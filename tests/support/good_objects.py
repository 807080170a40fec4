"""One good object of each kind, and a way to spoil one thing in it."""

import copy
from typing import Any

API_VERSION = "stockade.dev/v1alpha1"
DIGEST = "sha256:" + "0" * 64
LEAVE_OUT = object()
"""As a value: the field goes."""

GOOD: dict[str, dict[str, Any]] = {
    "Tenant": {
        "displayName": "Desk 1",
        "quota": {"algorithms": 5, "cpu": "4", "memory": "4Gi"},
        "exchange": {"allowLive": False},
    },
    "ExchangeAccount": {
        "environment": "Paper",
        "keysSecret": {"name": "paper-keys-1"},
        "endpoints": {
            "rest": "http://exchange.example:9000",
            "websocketApi": "ws://exchange.example:9000/ws-api/v3",
            "streams": "ws://exchange.example:9000",
        },
        "trading": "Active",
        "limits": {"maxExposure": "10000", "maxDailyLoss": "100.50", "quoteAsset": "USDT"},
    },
    "Algorithm": {
        "account": "paper",
        "source": {"inline": "from stockade_sdk import Strategy\n"},
        "entrypoint": "algorithm:Momentum",
        "parameters": {"window": 20, "levels": [1, 2], "nested": {"any": "thing"}},
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "state": "Stopped",
        "trading": "Active",
        "limits": {
            "maxOrderNotional": "1000",
            "maxPositionNotional": "5000",
            "maxOpenOrders": 10,
            "maxOrdersPerMinute": 60,
            "maxDailyLoss": "0.5",
            "priceBandPercent": "5",
            "quoteAsset": "USDT",
        },
        "onStop": "CancelOrders",
        "deadMan": {"afterSeconds": 60, "action": "Flatten"},
        "updatePolicy": "Manual",
        "resources": {"cpu": "500m", "memory": "256Mi"},
        "runtimeClassName": "gvisor",
        "hostUsers": False,
    },
}


def make_object(kind: str, name: str, namespace: str) -> dict[str, Any]:
    """Return a good object."""
    metadata = {"name": name} if kind == "Tenant" else {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": copy.deepcopy(GOOD[kind])}


def spoil(whole: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy with one field set to a value or left out.

    A step of the path into a list is an element's number or its name; one more than there are appends.
    """
    changed = copy.deepcopy(whole)
    *above, last = path.split(".")
    place: Any = changed
    for step in above:
        place = place[_find(place, step)] if isinstance(place, list) else place.setdefault(step, {})
    if isinstance(place, list):
        where = _find(place, last)
        place[where : where + 1] = [] if value is LEAVE_OUT else [value]
    elif value is LEAVE_OUT:
        del place[last]
    else:
        place[last] = value
    return changed


def _find(elements: list[Any], step: str) -> int:
    return int(step) if step.isdigit() else [element["name"] for element in elements].index(step)
