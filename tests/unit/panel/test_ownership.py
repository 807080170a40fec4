"""Who owns which field."""

from typing import Any

from stockade_panel.ownership import find_other_managers, merge_change, read_owned_fields


def managed(manager: str, fields: dict[str, Any], operation: str = "Apply", subresource: str = "") -> dict[str, Any]:
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    return {**entry, "subresource": subresource} if subresource else entry


MANIFEST: dict[str, Any] = {
    "metadata": {
        "name": "grid",
        "annotations": {"a": "1", "b": "2"},
        "managedFields": [
            managed(
                "stockade-panel",
                {
                    "f:metadata": {"f:annotations": {"f:a": {}}},
                    "f:spec": {
                        "f:state": {},
                        "f:symbols": {},
                        "f:parameters": {},
                        "f:source": {"f:inline": {}},
                        "f:limits": {".": {}, "f:maxOpenOrders": {}},
                    },
                },
            ),
            managed("argocd", {"f:spec": {"f:trading": {}, "f:limits": {"f:maxDailyLoss": {}}}}),
            managed("stockade-operator", {"f:status": {"f:state": {}}}, "Update", "status"),
        ],
    },
    "spec": {
        "state": "Running",
        "trading": "Active",
        "symbols": ["BTCUSDT"],
        "parameters": {"deep": {"er": 1}},
        "source": {"inline": "x"},
        "limits": {"maxOpenOrders": 3, "maxDailyLoss": "5", "quoteAsset": "USDT"},
    },
}


def test_an_act_starts_from_exactly_the_fields_the_panel_owns() -> None:
    assert read_owned_fields(MANIFEST) == {
        "metadata": {"annotations": {"a": "1"}},
        "spec": {
            "state": "Running",
            "symbols": ["BTCUSDT"],
            "parameters": {"deep": {"er": 1}},
            "source": {"inline": "x"},
            "limits": {"maxOpenOrders": 3},
        },
    }


def test_an_object_of_others_gives_nothing() -> None:
    assert read_owned_fields(MANIFEST, "somebody") == {}


def test_other_managers_of_a_field_are_named() -> None:
    assert find_other_managers(MANIFEST, ("spec", "trading")) == ("argocd",)
    assert find_other_managers(MANIFEST, ("spec", "limits")) == ("argocd",)
    assert find_other_managers(MANIFEST, ("spec", "state")) == ()


def test_a_change_is_laid_over_and_none_gives_up() -> None:
    owned = {"spec": {"state": "Running", "limits": {"a": "1", "b": "2"}, "entrypoint": "m:C"}}
    changed = merge_change(owned, {"spec": {"state": "Stopped", "limits": {"b": None, "c": "3"}, "entrypoint": None}})
    assert changed == {"spec": {"state": "Stopped", "limits": {"a": "1", "c": "3"}}}
    assert owned["spec"]["state"] == "Running"
