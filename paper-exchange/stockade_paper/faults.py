"""Faults on demand: what a test asks to go wrong, when, how often and how likely."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from stockade_paper.errors import BinanceError, ConfigurationError

COUNTED_KINDS = {
    "drop-order-reply": "the order is accepted, its reply never comes",
    "disconnect-after-order": "the order is accepted, its connection ends instead of the reply",
    "order-timeout": "the order gets -1007; with executed=false it was not accepted",
    "order-server-error": "the order gets `status` (5xx) and -1000; with executed=false it was not accepted",
    "delay-replies": "the reply comes `milliseconds` late, the request is executed at once",
    "duplicate-replies": "the WebSocket API sends the reply twice",
    "rest-status": "REST answers with `status` (429, 418, 403 or 5xx) and does nothing",
    "lose-user-events": "a user event is not delivered",
    "duplicate-user-events": "a user event is delivered twice",
    "delay-user-events": "a user event, and all behind it, comes `milliseconds` late",
    "overtake-user-events": "a user event comes `milliseconds` late, and those behind it come before",
    "mute-new-user-streams": "a new user event subscription is accepted and stays silent",
    "lose-stream-messages": "a market stream message is not sent",
    "skip-depth-events": "a depth event is not sent, so that its update ids are missing",
    "break-streams": "the connections of a stream end instead of its message",
}
TIMED_KINDS = {
    "freeze-user-events": "user streams fall silent for `seconds`, nothing comes later",
    "freeze-streams": "market streams fall silent for `seconds`, nothing comes later",
    "slow-connections": "sockets wait `milliseconds` before each message, for `seconds`",
    "half-open-connections": "sockets neither read nor write nor ping for `seconds`, then they end",
    "refuse-connections": "new sockets get `status` (503; or 429, 418, 403, another 5xx) for `seconds`",
    "ban-address": "every request gets 418 for `seconds`",
    "skew-clock": "the server's time is `milliseconds` (also negative) off for `seconds`; events keep the true time",
}
KINDS = COUNTED_KINDS | TIMED_KINDS
FIELDS = frozenset(
    {"kind", "count", "skip", "probability", "afterSeconds", "seconds", "milliseconds", "status", "executed"}
)
ALLOWED_STATUSES = frozenset({403, 418, 429, 500, 502, 503, 504})
DEFAULT_SECONDS = 10


@dataclass
class Fault:
    """One armed fault, between `from_ms` and `until_ms` (0: without end).

    A counted one lets `skip` occasions pass, then strikes with `probability` until `count` is used up (None: never).
    """

    kind: str
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    from_ms: int = 0
    until_ms: int = 0
    milliseconds: int = 0
    status: int = 503
    executed: bool = True

    def holds(self, now_ms: int) -> bool:
        """Whether it is its time."""
        return self.from_ms <= now_ms and (not self.until_ms or now_ms < self.until_ms)

    def describe(self) -> dict[str, Any]:
        """Write it for the control API."""
        return {
            "kind": self.kind,
            "count": self.count,
            "skip": self.skip,
            "probability": self.probability,
            "fromMs": self.from_ms,
            "untilMs": self.until_ms,
            "milliseconds": self.milliseconds,
            "status": self.status,
            "executed": self.executed,
        }


class Faults:
    """All armed faults; probabilities are drawn from `seed`, so the same run meets the same faults."""

    def __init__(self, clock: Callable[[], int], seed: int = 1) -> None:
        self.armed: list[Fault] = []
        self.on_strike: Callable[[Fault], None] = lambda _fault: None
        self._clock = clock
        self._source = random.Random(f"{seed}/faults")  # noqa: S311 - reproducible on purpose

    def arm(self, wish: dict[str, Any]) -> Fault:
        """Arm one fault as asked for; raises ConfigurationError that says what to write."""
        fault = read_fault(wish, self._clock())
        self.armed.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        self.armed.clear()

    def strike(self, kind: str) -> Fault | None:
        """Use one armed fault of this counted kind up; None when there is none or it lets this occasion pass."""
        if not self.armed:
            return None
        now = self._clock()
        self._drop_ended(now)
        for fault in self.armed:
            if fault.kind != kind or not fault.holds(now):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            if self._source.random() >= fault.probability:
                return None
            if fault.count is not None:
                fault.count -= 1
            if fault.count == 0:
                self.armed.remove(fault)
            self.on_strike(fault)
            return fault
        return None

    def find_active(self, kind: str) -> Fault | None:
        """Return the timed fault of this kind that holds now."""
        if not self.armed:
            return None
        now = self._clock()
        self._drop_ended(now)
        return next((fault for fault in self.armed if fault.kind == kind and fault.holds(now)), None)

    def seconds_left(self, fault: Fault) -> int:
        """Return the seconds until a timed fault ends, at least one."""
        return max(-(-(fault.until_ms - self._clock()) // 1000), 1)

    def _drop_ended(self, now_ms: int) -> None:
        self.armed = [fault for fault in self.armed if not fault.until_ms or now_ms < fault.until_ms]


def read_fault(wish: dict[str, Any], now_ms: int) -> Fault:
    """Read a wish such as `{"kind": "order-timeout", "probability": 0.1, "count": null}`.

    Raises ConfigurationError that says what to write.
    """
    kind = wish.get("kind")
    if kind not in KINDS:
        raise ConfigurationError(f"kind: '{kind}' is unknown; write one of {', '.join(sorted(KINDS))}")
    unknown = sorted(set(wish) - FIELDS)
    if unknown:
        raise ConfigurationError(f"'{unknown[0]}' is unknown; write any of {', '.join(sorted(FIELDS))}")
    is_timed = kind in TIMED_KINDS
    for name in ("count", "skip", "probability"):
        if is_timed and name in wish:
            raise ConfigurationError(f"{name}: {kind} lasts for `seconds` and strikes always; leave {name} out")
    seconds = _read_seconds(wish, "seconds", DEFAULT_SECONDS if is_timed else 0)
    start = now_ms + _read_seconds(wish, "afterSeconds", 0)
    fault = Fault(
        kind=kind,
        count=_read_count(wish, is_timed=is_timed),
        skip=_read_whole(wish, "skip", 0),
        probability=_read_probability(wish),
        from_ms=start,
        until_ms=start + seconds if seconds else 0,
        milliseconds=_read_whole(wish, "milliseconds", 0, may_be_negative=kind == "skew-clock"),
        status=_read_whole(wish, "status", 503),
        executed=_read_executed(wish),
    )
    if fault.status not in ALLOWED_STATUSES:
        raise ConfigurationError(f"status: write one of {sorted(ALLOWED_STATUSES)}")
    return fault


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


def _read_count(wish: dict[str, Any], *, is_timed: bool) -> int | None:
    if is_timed or wish.get("count", 1) is None:
        return None
    count = _read_whole(wish, "count", 1)
    if count == 0:
        raise ConfigurationError("count: '0' would never strike; write how often, or null for always")
    return count


def _read_whole(wish: dict[str, Any], name: str, default: int, *, may_be_negative: bool = False) -> int:
    value = wish.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and not may_be_negative):
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a whole number, zero or above")
    return value


def _read_seconds(wish: dict[str, Any], name: str, default: int) -> int:
    """Return a number of seconds in milliseconds."""
    value = wish.get(name, default)
    try:
        seconds = Decimal(str(value))
    except InvalidOperation:
        seconds = Decimal(-1)
    if isinstance(value, bool) or not seconds.is_finite() or seconds < 0:
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a number of seconds, zero or above")
    return int(seconds * 1000)


def _read_probability(wish: dict[str, Any]) -> float:
    value = wish.get("probability", 1.0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ConfigurationError(f"probability: '{value}' is not allowed; write a number from 0 to 1")
    return float(value)


def _read_executed(wish: dict[str, Any]) -> bool:
    value = wish.get("executed", True)
    if not isinstance(value, bool):
        raise ConfigurationError(f"executed: '{value}' is not allowed; write true or false")
    return value
