"""Whether this cluster enforces NetworkPolicy: what a canary's end says, and when the next one flies. Pure.

A cluster without a plugin that enforces policies takes them all and does nothing, so they are never believed unseen.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from stockade_crds import Condition
from stockade_operator.manifests.metadata import Manifest
from stockade_operator.pods import ContainerFacts, read_container, read_message, read_time
from stockade_operator.status import Fact, no, unknown, yes

CONDITION = "NetworkPolicyEnforced"
AGAIN = timedelta(minutes=10)
AGAIN_AFTER_UNKNOWN = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=3)
"""How long a canary may wait for a node or an image before it is taken away."""
LOOK_SECONDS = 15.0


class Flight(StrEnum):
    """What is done about the canary next."""

    START = "Start"
    REMOVE = "Remove"
    WAIT = "Wait"


def judge_network(canary: Manifest | None, before: Sequence[Condition], now: datetime) -> Fact:
    """Return the condition: from the canary that has ended, else as it was known before."""
    if canary is not None and _has_ended(canary):
        return _judge_end(read_container(canary, "canary"), canary)
    if canary is not None and _age(canary, now) > LONGEST_WAIT:
        return unknown(
            CONDITION, "CanaryWaits", f"The canary pod does not run: {_tell_why(canary)}. It is tried again."
        )
    known = next((each for each in before if each.type == CONDITION), None)
    if known is not None:
        return Fact(CONDITION, known.status, known.reason, known.message)
    return unknown(CONDITION, "NotChecked", "A canary pod tries the network of this namespace; it has not ended yet.")


def plan_flight(canary: Manifest | None, fact: Fact, now: datetime) -> tuple[Flight, float]:
    """Return what is done now, and in how many seconds to look again.

    The ended pod stays until the next flight is due: its age is the only memory, so a new operator goes on with it.
    """
    if canary is None:
        return Flight.START, LOOK_SECONDS
    if "deletionTimestamp" in canary["metadata"]:
        return Flight.WAIT, LOOK_SECONDS
    if _has_ended(canary):
        life = AGAIN if fact.status in {"True", "False"} else AGAIN_AFTER_UNKNOWN
    else:
        life = 2 * LONGEST_WAIT
    left = life - _age(canary, now)
    if left <= timedelta(0):
        return Flight.REMOVE, LOOK_SECONDS
    return Flight.WAIT, left.total_seconds() if _has_ended(canary) else LOOK_SECONDS


def _judge_end(canary: ContainerFacts, pod: Manifest) -> Fact:
    seen = read_message(canary.end_message)
    passed_open, passed_closed = seen.get("open"), seen.get("closed")
    if not isinstance(passed_open, bool) or not isinstance(passed_closed, bool):
        return unknown(CONDITION, "CanaryFailed", f"The canary pod ended without a result: {_tell_why(pod)}.")
    if not passed_open:
        message = (
            "The canary pod could not even reach the operator, which the NetworkPolicies allow, so that it did not "
            "reach the rest proves nothing. Look at the pod network of this cluster; it is tried again every minute."
        )
        return unknown(CONDITION, "CanaryCutOff", message)
    if passed_closed:
        message = (
            "A pod of this namespace reached what its NetworkPolicies forbid: this cluster does not enforce them. "
            "Install a network plugin that does, for example Calico or Cilium. Until then only the launcher keeps an "
            "algorithm off the network, and nothing keeps the gateways of tenants apart."
        )
        return no(CONDITION, "NotEnforced", message)
    return yes(CONDITION, "CanaryHeld", "A pod of this namespace reached what it may reach and nothing else.")


def _has_ended(pod: Manifest) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _age(pod: Manifest, now: datetime) -> timedelta:
    return now - read_time(pod["metadata"]["creationTimestamp"])


def _tell_why(pod: Manifest) -> str:
    status, container = pod.get("status", {}), read_container(pod, "canary")
    scheduled: Manifest = next((each for each in status.get("conditions", []) if each["type"] == "PodScheduled"), {})
    told = (container.message, container.reason, status.get("message"), scheduled.get("message"), status.get("phase"))
    return next((text for text in told if text), "nothing is said of it")
