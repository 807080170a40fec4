"""The operator's own end disturbs nobody, and a quiet cluster is not written to."""

import time

import pytest

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, TestTenant
from tests.support.waiting import wait_until

QUIET = "from stockade_sdk import Strategy\n\n\nclass Quiet(Strategy):\n    pass\n"
KINDS = (
    "exchangeaccount",
    "algorithm",
    "pod",
    "deployment",
    "service",
    "networkpolicy",
    "rolebinding",
    "limitrange",
    "configmap",
    "event",
)
QUIET_SECONDS = 60.0


def find_operator(kubectl: Kubectl) -> dict[str, str]:
    """Return name and uid of the one operator pod that runs."""
    pods = kubectl.items("pod", PLATFORM, "app.kubernetes.io/name=operator")
    alive = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
    ready = [
        each for each in alive if all(one["ready"] for one in each["status"].get("containerStatuses", [{"ready": 0}]))
    ]
    if len(ready) != 1:
        return {}
    metadata = ready[0]["metadata"]
    return {"name": metadata["name"], "uid": metadata["uid"]}


def list_versions(kubectl: Kubectl, tenant: TestTenant) -> dict[str, str]:
    """Return the resource version of everything of the tenant's that the operator writes."""
    found = [kubectl.get("tenant", tenant.name), kubectl.get("namespace", tenant.namespace)]
    for kind in KINDS:
        found.extend(kubectl.items(kind, tenant.namespace))
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in found if each}


@pytest.mark.timeout(600)
def test_an_operator_that_goes_and_comes_disturbs_nobody(kubectl: Kubectl, tenant: TestTenant) -> None:
    tenant.apply_algorithm("quiet", QUIET)
    tenant.wait_ready("algorithm", "quiet")
    pod = kubectl.get("pod", "algo-quiet", tenant.namespace)
    assert pod is not None
    before = find_operator(kubectl)
    kubectl.delete("pod", before["name"], PLATFORM, wait=False)
    kubectl.patch("algorithm", "quiet", tenant.namespace, {"spec": {"trading": "Reducing"}})
    wait_until(
        lambda: find_operator(kubectl),
        "another operator",
        holds=lambda seen: bool(seen) and seen["uid"] != before["uid"],
        deadline_seconds=180,
    )
    wait_until(
        lambda: tenant.gateway_status("quiet")["trading"],
        "what was asked while there was no operator",
        holds=lambda seen: seen == "Reducing",
        deadline_seconds=120,
    )
    after = kubectl.get("pod", "algo-quiet", tenant.namespace)
    assert after is not None
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    statuses = [*after["status"]["initContainerStatuses"], *after["status"]["containerStatuses"]]
    assert [each["restartCount"] for each in statuses] == [0, 0]


@pytest.mark.timeout(900)
def test_there_are_quiet_minutes(kubectl: Kubectl, tenant: TestTenant) -> None:
    """A needless write would come with every resync; a real change, such as a late probe, costs one more minute."""
    tenant.apply_algorithm("still", QUIET)
    tenant.wait_ready("algorithm", "still")

    def watch_a_minute() -> set[str]:
        before = list_versions(kubectl, tenant)
        assert len(before) > len(KINDS)
        time.sleep(QUIET_SECONDS)
        after = list_versions(kubectl, tenant)
        return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    wait_until(watch_a_minute, "a minute without a write", holds=lambda changed: not changed, deadline_seconds=600)
