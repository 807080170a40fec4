"""What goes wrong and when: a pure function of the seed, so that a printed seed meets the same faults again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

SECONDS_BETWEEN_ACTS = 1.6
LONGEST_TROUBLE_SECONDS = 12.0

Details = dict[str, Any]


@dataclass(frozen=True)
class Act:
    """One thing that happens `at_seconds` after trading began; `pod` is None when it meets all alike."""

    at_seconds: float
    kind: str
    pod: int | None = None
    details: Details = field(default_factory=dict)


# How often each trouble comes up in one round of the deck; the rarer ones stop everybody at once.
DECK = {
    "kill-algorithm": 3,
    "kill-gateway": 5,
    "replace-pod": 4,
    "stop-pod": 2,
    "change-symbols": 3,
    "freeze-algorithm": 1,
    "freeze-gateway": 2,
    "halt": 2,
    "reduce": 1,
    "halt-account": 1,
    "reduce-account": 1,
    "tighten-limits": 2,
    "narrow-band": 2,
    "tighten-account": 2,
    "forbid-loss": 1,
    "forbid-account-loss": 2,
    "kill-account-gateway": 3,
    "freeze-account-gateway": 2,
    "lose-account-gateway-and-postgresql": 1,
    "rotate-keys": 2,
    "kill-postgresql": 1,
    "freeze-postgresql": 1,
    "disconnect": 3,
    "shutdown-notice": 1,
    "revoke-key": 1,
    "ban-address": 1,
    "crash-market": 1,
    "cancel-by-hand": 3,
    "order-by-hand": 4,
    "place-through-gateway": 12,
    "cancel-through-gateway": 6,
    "drop-order-reply": 2,
    "disconnect-after-order": 2,
    "order-timeout": 2,
    "order-server-error": 2,
    "delay-replies": 2,
    "duplicate-replies": 1,
    "rest-status": 2,
    "lose-user-events": 2,
    "duplicate-user-events": 2,
    "delay-user-events": 2,
    "overtake-user-events": 2,
    "mute-new-user-streams": 1,
    "freeze-user-events": 1,
    "lose-stream-messages": 1,
    "skip-depth-events": 1,
    "freeze-streams": 1,
    "slow-connections": 1,
    "half-open-connections": 1,
    "refuse-connections": 1,
    "skew-clock": 1,
}
# Troubles that a second act ends.
_PAIRS = {
    "halt": "activate",
    "reduce": "activate",
    "halt-account": "activate-account",
    "reduce-account": "activate-account",
    "tighten-limits": "loosen-limits",
    "narrow-band": "widen-band",
    "tighten-account": "loosen-account",
    "forbid-loss": "allow-loss",
    "forbid-account-loss": "allow-account-loss",
    "revoke-key": "restore-key",
}
_LASTING = frozenset(
    {
        "freeze-algorithm",
        "freeze-gateway",
        "freeze-account-gateway",
        "kill-postgresql",
        "freeze-postgresql",
        "lose-account-gateway-and-postgresql",
    }
)
_OF_ALL = frozenset({"kill-postgresql", "freeze-postgresql", "disconnect", "shutdown-notice"})


def make_schedule(seed: int, seconds: float, pods: int) -> list[Act]:
    """Return the acts in order; all begin within `seconds`, and none lasts longer than LONGEST_TROUBLE_SECONDS."""
    source = random.Random(f"{seed}/schedule")  # noqa: S311 - reproducible on purpose
    acts: list[Act] = []
    at, deck = 3.0, _shuffle_deck(source)
    while at < seconds:
        if not deck:
            deck = _shuffle_deck(source)
        acts += _describe(deck.pop(), at, source, pods)
        at += source.uniform(0.2, 2 * SECONDS_BETWEEN_ACTS - 0.2)
    return sorted(acts, key=lambda act: act.at_seconds)


def _shuffle_deck(source: random.Random) -> list[str]:
    deck = [kind for kind, count in DECK.items() for _ in range(count)]
    source.shuffle(deck)
    return deck


def _describe(kind: str, at: float, source: random.Random, pods: int) -> list[Act]:
    """Return the act, and the one that ends it when it does not end by itself."""
    pod = source.randrange(pods)
    lasts = round(source.uniform(2.0, LONGEST_TROUBLE_SECONDS), 1)
    if kind in _FAULT_DETAILS:
        return [Act(at, "fault", details={"kind": kind, **_FAULT_DETAILS[kind](source, lasts)})]
    if kind == "crash-market":
        return [Act(at, "regime", details={"regime": "crash"}), Act(at + lasts, "regime", details={"regime": "usual"})]
    if kind in _LASTING:
        details: Details = {"seconds": lasts}
    else:
        details = _DETAILS[kind](source) if kind in _DETAILS else {}
    acts = [Act(at, kind, None if kind in _OF_ALL else pod, details)]
    if kind in _PAIRS:
        acts.append(Act(at + lasts, _PAIRS[kind], pod))
    return acts


def draw_manual_order(source: random.Random) -> Details:
    """Draw what a person asks for; `distance` from the market's price, for a purchase below it and for a sale above."""
    side = source.choice(["BUY", "SELL"])
    kind = source.choice(["MARKET", "LIMIT", "LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT"])
    # A stop fires on the market's other side; a limit order may also be one that is filled at once.
    is_below = (side == "BUY") != (kind == "STOP_LOSS_LIMIT")
    away = source.choice(["0.0002", "0.002", "0.05", "-0.002"])
    return {"side": side, "type": kind, "distance": str(1 - Decimal(away) if is_below else 1 + Decimal(away))}


_DETAILS: dict[str, Callable[[random.Random], Details]] = {
    "order-by-hand": lambda source: {"rests": source.random() < 0.7, "side": source.choice(["BUY", "SELL"])},
    "place-through-gateway": draw_manual_order,
    "cancel-through-gateway": lambda source: {"which": source.random()},
    "rotate-keys": lambda source: {"revoked_first": source.random() < 0.4},
    "change-symbols": lambda source: {"symbols": source.choice([("BTCUSDT",), ("ETHUSDT",), ("BTCUSDT", "ETHUSDT")])},
    "disconnect": lambda source: {"target": source.choice(["streams", "websocket-api", "all"])},
}


def _count(source: random.Random, most: int) -> Details:
    return {"count": source.randint(1, most), "skip": source.randint(0, 3)}


_FAULT_DETAILS: dict[str, Callable[[random.Random, float], Details]] = {
    "drop-order-reply": lambda source, _: _count(source, 3),
    "disconnect-after-order": lambda source, _: _count(source, 2),
    "order-timeout": lambda source, _: {**_count(source, 3), "executed": source.random() < 0.6},
    "order-server-error": lambda source, _: {
        **_count(source, 3),
        "executed": source.random() < 0.6,
        "status": source.choice([500, 502, 503, 504]),
    },
    "delay-replies": lambda source, _: {**_count(source, 6), "milliseconds": source.choice([300, 2000, 11000])},
    "duplicate-replies": lambda source, _: _count(source, 10),
    "rest-status": lambda source, _: {**_count(source, 4), "status": source.choice([429, 403, 500, 502, 503])},
    "lose-user-events": lambda source, _: _count(source, 10),
    "duplicate-user-events": lambda source, _: _count(source, 20),
    "delay-user-events": lambda source, _: {**_count(source, 5), "milliseconds": source.choice([500, 3000])},
    "overtake-user-events": lambda source, _: {**_count(source, 8), "milliseconds": source.choice([50, 700, 4000])},
    "mute-new-user-streams": lambda source, _: _count(source, 2),
    "freeze-user-events": lambda _, lasts: {"seconds": lasts},
    "lose-stream-messages": lambda source, _: _count(source, 200),
    "skip-depth-events": lambda source, _: _count(source, 20),
    "freeze-streams": lambda _, lasts: {"seconds": lasts},
    "slow-connections": lambda source, lasts: {"seconds": lasts, "milliseconds": source.choice([5, 30])},
    "half-open-connections": lambda _, lasts: {"seconds": lasts},
    "refuse-connections": lambda _, lasts: {"seconds": lasts / 2},
    "ban-address": lambda _, lasts: {"seconds": lasts / 2},
    "skew-clock": lambda source, lasts: {"seconds": lasts, "milliseconds": source.choice([-6000, -800, 900, 3000])},
}
