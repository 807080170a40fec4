"""Times in microseconds for clients that ask for them; apart because everything else here counts milliseconds."""

from typing import Any

NAMES = frozenset(
    {
        "serverTime",
        "time",
        "transactTime",
        "transactionTime",
        "workingTime",
        "updateTime",
        "trailingTime",
        "openTime",
        "closeTime",
        "timestamp",
        "authorizedSince",
        "connectedSince",
    }
)
LETTERS = frozenset({"E", "T", "W", "O", "C", "D"})
KLINE_ITEMS = 12
UNIT = "MICROSECOND"


def wants_microseconds(unit: str | None) -> bool:
    """Whether a `timeUnit` or `X-MBX-TIME-UNIT` asks for microseconds."""
    return unit is not None and unit.upper() == UNIT


def to_microseconds(value: Any) -> Any:
    """Return an answer or event with every time in it in microseconds; -1, for no time, stays.

    A closing time becomes the last microsecond of its bucket.
    """
    if isinstance(value, list):
        if len(value) == KLINE_ITEMS and isinstance(value[0], int):
            return [value[0] * 1000, *value[1:6], value[6] * 1000 + 999, *value[7:]]
        return [to_microseconds(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _convert(name, each, value) for name, each in value.items()}


def _convert(name: str, value: Any, parent: dict[str, Any]) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return to_microseconds(value)
    if value < 0 or not _is_time(name, parent):
        return value
    return value * 1000 + 999 if name == "T" and _is_kline(parent) else value * 1000


def _is_kline(parent: dict[str, Any]) -> bool:
    """Whether it is the `k` of a kline event, whose `t` and `T` are the ends of a bucket."""
    return "t" in parent and "x" in parent and "e" not in parent


def _is_time(name: str, parent: dict[str, Any]) -> bool:
    """Whether a whole number under this name is a time; `t` and `u` are ids nearly everywhere."""
    if name == "t":
        return _is_kline(parent)
    if name == "u":
        return parent.get("e") == "outboundAccountPosition"
    return name in NAMES or name in LETTERS
