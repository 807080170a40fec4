"""Writing a status: which conditions changed, what is worth a write, which transitions become Events.

Apart from what the kinds report so that all three keep the same promise: no write when nothing changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stockade_crds import Condition, ConditionStatus
from stockade_operator.manifests.metadata import Manifest, hash_json

FIGURES_SECONDS = 10.0
"""How often live numbers alone are a reason to write; the panel reads fresher ones from the ledger."""
FIGURES = frozenset(
    {"openOrders", "positionNotional", "realizedPnlToday", "feesToday", "ledgerSpooled", "openExposure"}
)
PASSENGERS = frozenset({"lastReconciledTime", "weightUsed"})
"""Written along with something else, never alone: they change on a quiet day too."""


@dataclass(frozen=True)
class Fact:
    """One condition as it is now, without the time it has been so."""

    type: str
    status: ConditionStatus
    reason: str
    message: str


def yes(type_: str, reason: str, message: str) -> Fact:
    """Return a condition that holds."""
    return Fact(type_, ConditionStatus.TRUE, reason, message)


def no(type_: str, reason: str, message: str) -> Fact:
    """Return a condition that does not hold."""
    return Fact(type_, ConditionStatus.FALSE, reason, message)


def unknown(type_: str, reason: str, message: str) -> Fact:
    """Return a condition nobody can tell."""
    return Fact(type_, ConditionStatus.UNKNOWN, reason, message)


def date_facts(facts: Iterable[Fact], before: Sequence[Condition], generation: int, now: datetime) -> list[Condition]:
    """Return the conditions with the times of their last transitions."""
    known = {condition.type: condition for condition in before}
    dated = []
    for fact in facts:
        old = known.get(fact.type)
        since = (
            old.last_transition_time if old is not None and old.status == fact.status else now.replace(microsecond=0)
        )
        dated.append(
            Condition(
                type=fact.type,
                status=fact.status,
                observed_generation=generation,
                last_transition_time=since,
                reason=fact.reason,
                message=fact.message,
            )
        )
    return dated


@dataclass(frozen=True)
class Write:
    """What to do about a status."""

    changes: Manifest | None
    """The merge patch of `status`, or None when there is nothing to write now."""
    again_seconds: float | None = None
    """When figures that have to wait may be written."""


def plan_write(live: Manifest, wanted: Manifest, seconds_since_write: float) -> Write:
    """Compare the live status with the wanted one and say what is written now."""
    changes: Manifest = {name: value for name, value in wanted.items() if live.get(name) != value}
    changes.update({name: None for name in live if name not in wanted})
    moving = changes.keys() - PASSENGERS
    if not moving:
        return Write(None)
    if moving <= FIGURES and seconds_since_write < FIGURES_SECONDS:
        return Write(None, FIGURES_SECONDS - seconds_since_write)
    return Write(changes)


@dataclass(frozen=True)
class Transition:
    """Something that has become so, worth an Event."""

    reason: str
    message: str
    warning: bool
    identity: str
    """The same for the same transition of the same object, so that a killed operator posts it once."""


def find_transitions(
    uid: str, before: Sequence[Condition], after: Sequence[Condition], told: frozenset[str]
) -> list[Transition]:
    """Return the transitions that `told` names.

    Each entry is `Type=Status` (also when only the reason is new), `Type=Status:Reason`, or `Type=Status>Status`.
    """
    known = {condition.type: condition for condition in before}
    found = []
    for condition in after:
        old = known.get(condition.type)
        if old is not None and (old.status, old.reason) == (condition.status, condition.reason):
            continue
        name = f"{condition.type}={condition.status.value}"
        ways = {name, f"{name}:{condition.reason}"}
        if old is not None:
            ways.add(f"{condition.type}={old.status.value}>{condition.status.value}")
        if not ways & told:
            continue
        origin = [uid, condition.type, str(old and (old.status, old.reason, str(old.last_transition_time)))]
        bad = condition.status is ConditionStatus.FALSE or condition.type == "Stalled"
        found.append(
            Transition(
                reason=condition.reason,
                message=condition.message,
                warning=bad,
                identity=hash_json([*origin, condition.status.value, condition.reason]),
            )
        )
    return found


def make_event(kind: str, live: Manifest, transition: Transition, now: datetime) -> Manifest:
    """Return the Event that tells a transition; it lies beside its object, or in `default` for a cluster-scoped one."""
    metadata: dict[str, Any] = live["metadata"]
    namespace = metadata.get("namespace", "default")
    time = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{transition.identity}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": live["apiVersion"],
            "kind": kind,
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata["uid"],
        },
        "type": "Warning" if transition.warning else "Normal",
        "reason": transition.reason,
        "message": transition.message[:1000],
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "source": {"component": "stockade-operator"},
        "reportingComponent": "stockade-operator",
        "reportingInstance": "stockade-operator",
    }
