"""Faults on demand: what a test asks to go wrong, and how often it still may."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stockade_paper.errors import BinanceError, ConfigurationError

KINDS = {
    "drop-order-reply": "the next order is accepted, its reply never comes",
    "order-timeout": "the next order gets -1007; with executed=false it was not accepted",
    "delay-replies": "replies come `milliseconds` late",
    "rest-status": "REST answers with `status` (429, 418, 403 or 5xx)",
    "lose-user-events": "user events are not delivered",
    "duplicate-user-events": "user events are delivered twice",
    "freeze-user-events": "user streams fall silent for `seconds`, nothing comes later",
    "freeze-streams": "market streams fall silent for `seconds`, nothing comes later",
}
TIMED_KINDS = frozenset({"freeze-user-events", "freeze-streams"})
ALLOWED_STATUSES = frozenset({403, 418, 429, 500, 502, 503, 504})


@dataclass
class Fault:
    """One armed fault. `count` is how often it still strikes; a timed one ends at `until_ms` instead."""

    kind: str
    count: int = 1
    milliseconds: int = 0
    status: int = 503
    executed: bool = True
    until_ms: int = 0

    def describe(self) -> dict[str, Any]:
        """Write it for the control API."""
        return {
            "kind": self.kind,
            "count": self.count,
            "milliseconds": self.milliseconds,
            "status": self.status,
            "executed": self.executed,
            "untilMs": self.until_ms,
        }


class Faults:
    """All armed faults."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self.on_strike: Callable[[Fault], None] = lambda _fault: None

    def arm(self, wish: dict[str, Any], now_ms: int) -> Fault:
        """Arm one fault as asked for by the control API; raises ConfigurationError that says what to write."""
        kind = wish.get("kind")
        if kind not in KINDS:
            raise ConfigurationError(f"kind: '{kind}' is unknown; write one of {', '.join(sorted(KINDS))}")
        fault = Fault(
            kind=kind,
            count=_whole(wish, "count", 1),
            milliseconds=_whole(wish, "milliseconds", 0),
            status=_whole(wish, "status", 503),
            executed=bool(wish.get("executed", True)),
            until_ms=now_ms + 1000 * _whole(wish, "seconds", 10) if kind in TIMED_KINDS else 0,
        )
        if fault.status not in ALLOWED_STATUSES:
            raise ConfigurationError(f"status: write one of {sorted(ALLOWED_STATUSES)}")
        self.armed.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        self.armed.clear()

    def strike(self, kind: str) -> Fault | None:
        """Use one armed fault of this kind up, None when there is none."""
        for fault in self.armed:
            if fault.kind == kind and fault.count > 0:
                fault.count -= 1
                if fault.count == 0:
                    self.armed.remove(fault)
                self.on_strike(fault)
                return fault
        return None

    def is_active(self, kind: str, now_ms: int) -> bool:
        """Whether a timed fault holds now."""
        if not self.armed:
            return False
        self.armed = [fault for fault in self.armed if not fault.until_ms or fault.until_ms > now_ms]
        return any(fault.kind == kind for fault in self.armed)


def refusal(fault: Fault) -> BinanceError:
    """Return the answer of a `rest-status` fault."""
    texts = {
        429: (-1003, "Too many requests queued."),
        418: (-1003, "Way too much request weight used; IP banned. Please use WebSocket Streams for live updates."),
        403: (-1000, "Forbidden"),
        503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    }
    code, text = texts.get(fault.status, (-1000, "An unknown error occurred while processing the request."))
    retry_after = 1 if fault.status in {418, 429} else None
    return BinanceError(code, text, status=fault.status, retry_after_seconds=retry_after)


def _whole(wish: dict[str, Any], name: str, default: int) -> int:
    value = wish.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a whole number, zero or above")
    return value
