"""What goes wrong on the cluster and when: a pure function of the seed.

Apart from the schedule of `make chaos` because a cluster has other parts, and an operator that carries out what is
asked; each part is killed so seldom that Kubernetes starts it again without a long wait.
"""

import random

from tests.chaos.schedule import Act, Details, draw_manual_order

# Everything happens in each run; the seed says when, to whom, and what is pending while there is no operator.
DECK = (
    *("kill-algorithm",) * 2,
    *("kill-gateway",) * 3,
    "kill-account-gateway",
    "kill-postgresql",
    *("delete-pod",) * 2,
    "stop",
    "new-version",
    "halt",
    "reduce",
    "tighten-limits",
    "forbid-loss",
    "halt-account",
    "tighten-account",
    "forbid-account-loss",
    *("disconnect",) * 3,
    *("place-through-gateway",) * 5,
    *("cancel-through-gateway",) * 3,
)
OPERATOR_ENDS = ("kill-operator", "delete-operator")
PENDING = ("tighten-limits", "reduce", "halt", "stop", "new-version", "tighten-account")
# What a second act ends.
PAIRS = {
    "stop": "start",
    "halt": "activate",
    "reduce": "activate",
    "tighten-limits": "loosen-limits",
    "forbid-loss": "loosen-limits",
    "halt-account": "activate-account",
    "tighten-account": "loosen-account",
    "forbid-account-loss": "loosen-account",
}
LONGEST_TROUBLE_SECONDS = 15.0
# The second one comes when Kubernetes has started another operator after the first.
_OPERATOR_ENDS_AT = (0.2, 0.6)
OF_ALL = frozenset({"kill-account-gateway", "kill-postgresql", "disconnect", *OPERATOR_ENDS})


def make_schedule(seed: int, seconds: float, algorithms: int) -> list[Act]:
    """Return the acts in order; all trouble begins within `seconds`."""
    source = random.Random(f"{seed}/cluster")  # noqa: S311 - reproducible on purpose
    deck = list(DECK)
    source.shuffle(deck)
    acts: list[Act] = []
    for number, kind in enumerate(deck):
        at = (number + source.random()) * seconds / len(deck)
        acts += _describe(kind, at, source, algorithms)
    for kind, part in zip(OPERATOR_ENDS, _OPERATOR_ENDS_AT, strict=True):
        at = part * seconds + source.uniform(0, 5)
        acts.append(Act(at, kind))
        # Amid the operator's work on it, or when there is none to do it.
        acts += _describe(source.choice(PENDING), at + source.choice([-0.2, 0.3]), source, algorithms)
    return sorted(acts, key=lambda act: act.at_seconds)


def _describe(kind: str, at: float, source: random.Random, algorithms: int) -> list[Act]:
    pod = source.randrange(algorithms)
    details: Details = {}
    if kind == "disconnect":
        details = {"target": source.choice(["streams", "websocket-api", "all"])}
    elif kind == "place-through-gateway":
        details = draw_manual_order(source)
    elif kind == "cancel-through-gateway":
        details = {"which": source.random()}
    acts = [Act(at, kind, None if kind in OF_ALL else pod, details)]
    if kind in PAIRS:
        acts.append(Act(at + source.uniform(4.0, LONGEST_TROUBLE_SECONDS), PAIRS[kind], pod))
    return acts
