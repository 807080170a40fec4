"""What is wrong with an answer in the eyes of Binance's own models: apart because their `from_dict` forgives too much.

The SDK's generated models say which keys an answer has and of which JSON type each is. Every field is optional to them;
a field is required here unless its description, or `CONDITIONAL` below, says when it appears.
"""

import re
import sys
import types
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

APPEARS_SOMETIMES = re.compile(r"appears|only|optional|visible if|for pegged|when ", re.IGNORECASE)
SOR_KEYS = frozenset({"usedSor", "workingFloor", "allocId", "k", "uS", "a", "b", "sors"})
PEG_KEYS = frozenset({"gP", "gOT", "gOV", "gp"})
STP_KEYS = frozenset({"preventedMatchId", "preventedQuantity", "v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY"})
STOP_KEYS = frozenset({"stopPrice", "trailingDelta", "trailingTime", "icebergQty", "d", "D", "W"})
OTHER_KEYS = frozenset({"strategyId", "strategyType", "expiryReason", "j", "J", "eR", "listStatus"})
SBE_KEYS = frozenset({"priceExponent", "qtyExponent", "multiplierExponent"})  # the binary format's
CONDITIONAL = SOR_KEYS | PEG_KEYS | STP_KEYS | STOP_KEYS | OTHER_KEYS | SBE_KEYS
# Some answers are an order or a whole list; their model has the keys of both.
LIST_KEYS = frozenset(
    {
        "orderReports",
        "orders",
        "contingencyType",
        "listStatusType",
        "listOrderStatus",
        "listClientOrderId",
        "transactionTime",
    }
)


def find_complaints(model: Any, data: Any, place: str = "") -> list[str]:
    """List wrong types, unknown keys and missing ones of JSON `data` against a model or a type; empty when it fits."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        return _judge_model(model, data, place)
    origin, arguments = get_origin(model), get_args(model)
    if origin in {Union, types.UnionType}:
        wanted = [each for each in arguments if each is not type(None)]
        return [] if data is None else _pick_best(wanted, data, place)
    if origin is list:
        if not isinstance(data, list):
            return [f"{place}: no list"]
        return [each for item in data for each in find_complaints(arguments[0], item, f"{place}[]")]
    try:
        TypeAdapter(model).validate_python(data)
    except ValidationError as error:
        return [f"{place}: {error.errors()[0]['msg']}"]
    return []


def _judge_model(model: type[BaseModel], data: Any, place: str) -> list[str]:
    alternatives = model.model_fields.get("one_of_schemas")
    if alternatives is not None:
        module = sys.modules[model.__module__]
        candidates = [getattr(module, name) for name in sorted(alternatives.default) if hasattr(module, name)]
        return _pick_best(candidates, data, place)
    if getattr(model, "is_array", bool)() or model.__base__ is not BaseModel:
        if not isinstance(data, list):
            return [f"{place}: no list"]
        return [each for item in data for each in _judge_object(model, item, f"{place}[]")]
    return _judge_object(model, data, place)


def _judge_object(model: type[BaseModel], data: Any, place: str) -> list[str]:
    if not isinstance(data, dict):
        # An array of arrays (candles) has a model without fields; its caller looks at the rows.
        return [] if not model.model_fields else [f"{place}: no object"]
    known = {
        field.alias or name: field for name, field in model.model_fields.items() if name != "additional_properties"
    }
    if {"orderReports", "origClientOrderId"} <= known.keys():
        wanted = LIST_KEYS | {"symbol", "orderListId"} if "orderReports" in data else known.keys() - LIST_KEYS
        known = {key: field for key, field in known.items() if key in wanted}
    complaints = [f"{place}.{key}: unknown" for key in data.keys() - known.keys() - {"e"}]
    for key, field in known.items():
        if key in data:
            complaints += find_complaints(field.annotation, data[key], f"{place}.{key}")
        elif key not in CONDITIONAL and not APPEARS_SOMETIMES.search(field.description or ""):
            complaints.append(f"{place}.{key}: missing")
    return complaints


def _pick_best(candidates: list[Any], data: Any, place: str) -> list[str]:
    """Return the complaints of the alternative that has the fewest."""
    return min((find_complaints(each, data, place) for each in candidates), key=len)
