"""What a pod's own JSON says about it, as facts with names.

Apart from the policies so that no decision reads raw JSON, and the kubelet's rules are in one place.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stockade_operator.manifests.metadata import (
    ACCOUNT_GATEWAY,
    ACCOUNT_LABEL,
    ALGORITHM_LABEL,
    ALGORITHM_POD,
    KEYS_SECRET_ANNOTATION,
    NAME_LABEL,
    NAMESPACE_PREFIX,
    NETWORK_CANARY,
    ON_STOP_FINALIZER,
    PLATFORM_HASH_ANNOTATION,
    USER_HASH_ANNOTATION,
    VERSION_LABEL,
    Manifest,
)
from stockade_operator.observed import Key


@dataclass(frozen=True)
class ContainerFacts:
    """One container of a pod."""

    state: str = "missing"
    """`missing` (the kubelet has said nothing yet), `waiting`, `running` or `terminated`."""
    ready: bool = False
    started: bool = False
    restarts: int = 0
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    """Of the newest end, whether the container runs again or not."""
    end_reason: str = ""
    end_message: str = ""
    """The newest termination message; for ours a JSON object."""


@dataclass(frozen=True)
class PodFacts:
    """One pod."""

    name: str
    uid: str
    owner_uid: str
    created: datetime
    node: str
    address: str
    deleting_since: datetime | None
    """When its grace ends: Kubernetes writes the deadline of a deletion, not its beginning."""
    held: bool
    """Whether our finalizer keeps the object."""
    finished: bool
    """No container of it runs or will run: the kubelet said so, or it never had a node."""
    cut_off: bool
    """Its node does not answer the API server: Kubernetes calls it unready over the kubelet's last word."""
    scheduled: bool
    schedule_reason: str
    schedule_message: str
    phase: str
    phase_reason: str
    phase_message: str
    gateway: ContainerFacts
    algorithm: ContainerFacts
    user_hash: str
    platform_hash: str
    keys_secret: str
    """The Secret whose keys its gateway uses."""
    key_slots: tuple[str, ...]
    """The Secrets whose keys it could use without a restart."""
    version: int


def read_pod(pod: Manifest) -> PodFacts:
    """Return the facts of an algorithm's or an account gateway's pod."""
    metadata, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    annotations, version = metadata.get("annotations", {}), metadata.get("labels", {}).get(VERSION_LABEL, "")
    condition: Manifest = next((c for c in status.get("conditions", []) if c["type"] == "PodScheduled"), {})
    return PodFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        owner_uid=next((owner["uid"] for owner in metadata.get("ownerReferences", []) if owner.get("controller")), ""),
        created=read_time(metadata["creationTimestamp"]),
        node=spec.get("nodeName", ""),
        address=status.get("podIP", ""),
        deleting_since=read_time(metadata["deletionTimestamp"]) if "deletionTimestamp" in metadata else None,
        held=ON_STOP_FINALIZER in metadata.get("finalizers", []),
        finished=_is_finished(pod),
        cut_off=_is_cut_off(pod),
        scheduled=bool(spec.get("nodeName")),
        schedule_reason=condition.get("reason", ""),
        schedule_message=condition.get("message", ""),
        phase=status.get("phase", ""),
        phase_reason=status.get("reason", ""),
        phase_message=status.get("message", ""),
        gateway=read_container(pod, "gateway"),
        algorithm=read_container(pod, "algorithm"),
        user_hash=annotations.get(USER_HASH_ANNOTATION, ""),
        platform_hash=annotations.get(PLATFORM_HASH_ANNOTATION, ""),
        keys_secret=annotations.get(KEYS_SECRET_ANNOTATION, ""),
        key_slots=_read_key_slots(spec),
        version=int(version) if version.isdecimal() else 0,
    )


def find_owner(pod: Manifest) -> Key | None:
    """Return the Algorithm, ExchangeAccount or Tenant whose pod this is, by its labels; None when it is none of ours.

    Anybody who may create pods can give one our labels, so what does not fit is ignored here and read nowhere else.
    """
    metadata = pod["metadata"]
    labels, namespace = metadata.get("labels", {}), metadata["namespace"]
    if not namespace.startswith(NAMESPACE_PREFIX):
        return None
    name = labels.get(NAME_LABEL)
    if name == ALGORITHM_POD and labels.get(ALGORITHM_LABEL) and labels.get(VERSION_LABEL, "").isdecimal():
        return Key("Algorithm", namespace, labels[ALGORITHM_LABEL])
    if name == ACCOUNT_GATEWAY and labels.get(ACCOUNT_LABEL):
        return Key("ExchangeAccount", namespace, labels[ACCOUNT_LABEL])
    if name == NETWORK_CANARY:
        return Key("Tenant", "", namespace.removeprefix(NAMESPACE_PREFIX))
    return None


def read_time(text: str) -> datetime:
    """Return a Kubernetes time; it is UTC and carries its zone."""
    return datetime.fromisoformat(text)


def read_message(text: str) -> dict[str, Any]:
    """Return the JSON object in a termination message, or an empty one when there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        # The algorithm's container can write what it likes here.
        return {}
    return found if isinstance(found, dict) else {}


def _is_finished(pod: Manifest) -> bool:
    status = pod.get("status", {})
    if status.get("phase") in {"Succeeded", "Failed"}:
        return True
    if "deletionTimestamp" not in pod["metadata"]:
        return False
    if not pod.get("spec", {}).get("nodeName"):
        return True
    found = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    expected = len(pod["spec"].get("initContainers", [])) + len(pod["spec"].get("containers", []))
    return len(found) == expected and all("terminated" in each.get("state", {}) for each in found)


def _is_cut_off(pod: Manifest) -> bool:
    """Return whether the node controller has given the node up: it takes `Ready` away and leaves `ContainersReady`.

    A kubelet changes both together, as long as a pod has no readiness gates. Read here so that the operator needs no
    right to read nodes.
    """
    found = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", [])}
    return found.get("ContainersReady") == "True" and found.get("Ready") == "False"


def _read_key_slots(spec: Manifest) -> tuple[str, ...]:
    volume: Manifest = next((each for each in spec.get("volumes", []) if each["name"] == "keys"), {})
    sources = volume.get("projected", {}).get("sources", [])
    return tuple(source["secret"]["name"] for source in sources if "secret" in source)


def read_container(pod: Manifest, name: str) -> ContainerFacts:
    """Return the facts of one container; what the kubelet has said nothing of is `missing`."""
    status = pod.get("status", {})
    listed = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    found = next((each for each in listed if each["name"] == name), None)
    if found is None:
        return ContainerFacts()
    states: dict[str, Manifest] = found.get("state") or {"waiting": {}}
    state, details = next(iter(states.items()))
    end = details if state == "terminated" else found.get("lastState", {}).get("terminated", {})
    return ContainerFacts(
        state=state,
        ready=found.get("ready", False),
        started=bool(found.get("started")),
        restarts=found.get("restartCount", 0),
        reason=details.get("reason", ""),
        message=details.get("message", ""),
        exit_code=end.get("exitCode"),
        end_reason=end.get("reason", ""),
        end_message=end.get("message", ""),
    )
