"""Each rule of the chart's admission policy: a pod without that one piece of hardening is refused for it.

The API server is a real one; pods are created as a trial only.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api_server import OPERATOR
from tests.support.chart import find, render
from tests.support.good_objects import spoil
from tests.support.hardened_pod import BREAKS, Break, is_covered, list_fields, make_good_pod
from tests.support.operator_stage import Stage
from tests.support.waiting import wait_until

POLICY = "stockade-algorithm-pod-hardening"
NAMESPACE = "hardening"
REGISTRY = "localhost/stockade"
RULES: list[str] = [
    rule["message"] for rule in find(render(), "ValidatingAdmissionPolicy", POLICY)["spec"]["validations"]
]
CASES = [
    pytest.param(rule, each, id=f"{rule.partition(':')[0]}: {each.name}")
    for rule in RULES
    for start, breaks in BREAKS.items()
    if rule.startswith(start)
    for each in breaks
]


@pytest.fixture(scope="module")
def good_pod(stage: Stage) -> Iterator[dict[str, Any]]:
    """Make a namespace without Pod Security, which would refuse some pods first, and return the pod."""
    stage.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    stage.wait(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default")
    good = make_good_pod(NAMESPACE, REGISTRY)
    bad = spoil(good, "spec.hostNetwork", value=True)
    wait_until(lambda: try_to_create(stage, bad), "the policy to be in force", holds=lambda said: POLICY in said)
    yield good
    stage.delete(f"/api/v1/namespaces/{NAMESPACE}")


def try_to_create(stage: Stage, pod: dict[str, Any]) -> str:
    """Create a pod as the operator, as a trial; return what was said against it, or nothing."""
    answer = stage.client.post(
        f"/api/v1/namespaces/{NAMESPACE}/pods",
        params={"dryRun": "All"},
        json=pod,
        headers={"Impersonate-User": OPERATOR},
    )
    return "" if answer.is_success else str(answer.json()["message"])


def test_the_operators_pod_is_taken(stage: Stage, good_pod: dict[str, Any]) -> None:
    assert try_to_create(stage, good_pod) == ""


@pytest.mark.parametrize(("rule", "change"), CASES)
def test_a_pod_without_this_hardening_is_refused_by_its_rule(
    stage: Stage, good_pod: dict[str, Any], rule: str, change: Break
) -> None:
    pod = copy.deepcopy(good_pod)
    for path, value in change.changes.items():
        pod = spoil(pod, path, value)
    said = try_to_create(stage, pod)
    assert POLICY in said
    assert rule in said or any(other in said for other in change.instead), said


def test_every_rule_is_broken_by_a_pod_and_every_pod_breaks_a_rule() -> None:
    assert [rule for rule in RULES if sum(rule.startswith(start) for start in BREAKS) != 1] == []
    assert [start for start in BREAKS if not any(rule.startswith(start) for rule in RULES)] == []
    assert [start for start, breaks in BREAKS.items() if not breaks] == []


def test_every_field_of_the_operators_pod_is_ruled_or_is_no_hardening(good_pod: dict[str, Any]) -> None:
    broken = {path for breaks in BREAKS.values() for each in breaks for path in each.changes}
    assert [path for path in list_fields(good_pod["spec"]) if not is_covered(path, broken)] == []
