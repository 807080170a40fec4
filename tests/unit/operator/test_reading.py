"""Reading what Kubernetes says: pods, quantities, differences, settings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_operator.alerts import find_alerts, list_rows
from stockade_operator.comparing import covers, is_current
from stockade_operator.errors import GatewayError, SettingsError
from stockade_operator.gateways import AlgorithmReport, _parse
from stockade_operator.manifests.metadata import seal
from stockade_operator.manifests.quantity import parse_quantity, share_cpu, share_memory
from stockade_operator.observed import Key
from stockade_operator.pods import find_owner, read_message, read_pod
from stockade_operator.settings import read_settings

ENVIRONMENT = {
    "STOCKADE_NAMESPACE": "stockade-system",
    "STOCKADE_DATABASE_URL": "postgresql://stockade_operator:hidden@db/stockade",
    "STOCKADE_LEDGER_HOST": "db:5432",
    "STOCKADE_GATEWAY_IMAGE": "g",
    "STOCKADE_ALGORITHM_IMAGE": "a",
    "STOCKADE_PAPER_URL": "http://paper:9000/",
}
ENDED = {"terminated": {"exitCode": 0, "reason": "Completed", "message": '{"onStop": {}}'}}
RUNS = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def make_pod(*, deleted: bool = False, node: str = "node-1", **status: Any) -> dict[str, Any]:
    metadata = {
        "name": "algo-x",
        "uid": "p1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["stockade.dev/on-stop"],
        "labels": {"stockade.dev/version": "4"},
        "ownerReferences": [{"uid": "stray"}, {"uid": "a1", "controller": True}],
    }
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:05:00Z"
    spec = {"initContainers": [{"name": "gateway"}], "containers": [{"name": "algorithm"}]}
    return {"metadata": metadata, "spec": {**spec, "nodeName": node} if node else spec, "status": status}


def containers(gateway: dict[str, Any], algorithm: dict[str, Any]) -> dict[str, Any]:
    return {
        "initContainerStatuses": [{"name": "gateway", "state": gateway}],
        "containerStatuses": [{"name": "algorithm", "state": algorithm}],
    }


@pytest.mark.parametrize(
    ("ready", "containers_ready", "cut_off"),
    [("True", "True", False), ("False", "False", False), ("False", "True", True), (None, None, False)],
)
def test_a_pod_whose_node_was_given_up_is_told_from_one_that_is_not_ready(
    ready: str | None,
    containers_ready: str | None,
    cut_off: bool,  # noqa: FBT001
) -> None:
    told = {"Ready": ready, "ContainersReady": containers_ready}
    conditions = [{"type": kind, "status": status} for kind, status in told.items() if status]
    assert read_pod(make_pod(conditions=conditions)).cut_off is cut_off


@pytest.mark.parametrize(
    ("pod", "finished"),
    [
        (make_pod(**containers(RUNS, RUNS)), False),
        (make_pod(phase="Failed"), True),
        (make_pod(deleted=True, phase="Succeeded"), True),
        (make_pod(deleted=True, **containers(RUNS, ENDED)), False),
        (make_pod(deleted=True, **containers(ENDED, ENDED)), True),
        (make_pod(**containers(ENDED, ENDED)), False),
        (make_pod(deleted=True), False),
        (make_pod(deleted=True, node=""), True),
        (make_pod(node=""), False),
    ],
)
def test_when_a_pod_has_ended(pod: dict[str, Any], finished: bool) -> None:  # noqa: FBT001
    assert read_pod(pod).finished is finished


def test_a_pods_facts() -> None:
    crashed = {"name": "algorithm", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}
    crashed["lastState"] = {"terminated": {"exitCode": 3, "reason": "Error", "message": '{"kind": "NameError"}'}}
    facts = read_pod(make_pod(containerStatuses=[crashed]))
    assert (facts.owner_uid, facts.version, facts.held, facts.scheduled) == ("a1", 4, True, True)
    assert facts.gateway.state == "missing"
    assert (facts.algorithm.state, facts.algorithm.reason, facts.algorithm.exit_code) == (
        "waiting",
        "CrashLoopBackOff",
        3,
    )
    assert read_message(facts.algorithm.end_message) == {"kind": "NameError"}


ALGORITHM_LABELS = {
    "app.kubernetes.io/name": "algorithm",
    "stockade.dev/algorithm": "x",
    "stockade.dev/version": "1",
}


@pytest.mark.parametrize(
    ("namespace", "labels", "owner"),
    [
        ("tenant-a", ALGORITHM_LABELS, Key("Algorithm", "tenant-a", "x")),
        (
            "tenant-a",
            {"app.kubernetes.io/name": "account-gateway", "stockade.dev/account": "main"},
            Key("ExchangeAccount", "tenant-a", "main"),
        ),
        ("default", ALGORITHM_LABELS, None),
        ("tenant-a", {**ALGORITHM_LABELS, "stockade.dev/version": "latest"}, None),
        ("tenant-a", {"app.kubernetes.io/name": "algorithm", "stockade.dev/version": "1"}, None),
        ("tenant-a", {"app.kubernetes.io/name": "account-gateway"}, None),
        ("tenant-a", {}, None),
    ],
)
def test_a_pod_with_borrowed_labels_is_nobodys(namespace: str, labels: dict[str, str], owner: Key | None) -> None:
    assert find_owner({"metadata": {"name": "p", "namespace": namespace, "labels": labels}}) == owner
    assert find_owner({"metadata": {"name": "p", "namespace": "tenant-a"}}) is None


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '"text"', "{", "[" * 4096])
def test_a_message_that_is_no_object_is_empty(text: str) -> None:
    assert read_message(text) == {}


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1000m"), ("0.5", "500m"), ("1Gi", "1024Mi"), ("1k", "1000"), ("4096Mi", "4Gi")]
)
def test_quantities_that_are_the_same(one: str, other: str) -> None:
    assert parse_quantity(one) == parse_quantity(other)
    assert covers({"cpu": other}, {"cpu": one})


@pytest.mark.parametrize(
    ("limit", "cpu"), [("500m", "100m"), ("1", "200m"), ("0.25", "50m"), ("10m", "2m"), ("1m", "1m")]
)
def test_a_share_of_cpu(limit: str, cpu: str) -> None:
    assert share_cpu(limit, 5) == cpu


@given(st.integers(min_value=1, max_value=10**7), st.sampled_from(["Ki", "Mi", "Gi", "k", "M", "G"]))
def test_a_share_of_memory_never_exceeds_its_limit_by_a_unit(number: int, suffix: str) -> None:
    limit = parse_quantity(f"{number}{suffix}")
    share = parse_quantity(share_memory(f"{number}{suffix}", 2))
    assert limit is not None
    assert share is not None
    assert limit / 2 <= share < limit / 2 + 1024**2 + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_everything_covers_itself(value: Any) -> None:
    assert covers(value, value)


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=1, max_size=3))
def test_a_default_is_no_difference_and_a_missing_field_is(value: dict[str, Any]) -> None:
    assert covers({**value, "added-by-the-server": 1}, value)
    assert not covers(value, {**value, "not-there": 1})


def test_drift_and_a_field_that_is_wanted_no_more_are_found() -> None:
    manifest = seal({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}})
    assert is_current({**manifest, "status": {}}, manifest)
    assert not is_current(None, manifest)
    assert not is_current({**manifest, "spec": {"ports": [{"port": 2}]}}, manifest)
    older = seal({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}], "host": "x"}})
    assert not is_current(older, manifest)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"STOCKADE_NAMESPACE": ""}, "STOCKADE_NAMESPACE is not set"),
        ({"STOCKADE_LEDGER_HOST": "db"}, "STOCKADE_LEDGER_HOST is 'db'"),
        ({"STOCKADE_PAPER_URL": "paper:9000"}, "STOCKADE_PAPER_URL"),
        ({"STOCKADE_RESYNC_SECONDS": "often"}, "STOCKADE_RESYNC_SECONDS is 'often'"),
        ({"STOCKADE_RESYNC_SECONDS": "0"}, "STOCKADE_RESYNC_SECONDS is '0'"),
        ({"STOCKADE_IMAGE_PULL_POLICY": "Sometimes"}, "Always, IfNotPresent or Never"),
    ],
)
def test_a_wrong_setting_says_what_to_write(change: dict[str, str], part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        read_settings({**ENVIRONMENT, **change})


def test_settings_show_no_password() -> None:
    settings = read_settings(ENVIRONMENT)
    assert settings.paper_url == "http://paper:9000"
    assert "hidden" not in repr(settings)


def test_what_the_ledger_lists() -> None:
    condition = {"type": "AlgorithmRunning", "status": "False", "reason": "UserCodeFailed", "message": "x:1"}
    algorithm = {
        "metadata": {"uid": "a1", "name": "x"},
        "spec": {"account": "main"},
        "status": {"mode": "Paper", "version": {"number": 2, "hash": "ab"}, "conditions": [condition]},
    }
    [row] = list_rows([algorithm, {"metadata": {"uid": "a2", "name": "new"}, "spec": {"account": "main"}}])
    assert (row.uid, row.account, row.mode, row.version, row.version_hash) == ("a1", "main", "Paper", 2, "ab")
    [alert] = find_alerts([algorithm], [])
    assert (alert.object_kind, alert.severity, alert.message) == ("Algorithm", "CRITICAL", "x:1")
    condition["reason"] = "NoPod"
    assert find_alerts([algorithm], []) == frozenset()


@pytest.mark.parametrize("text", [b"", b"nonsense", b"[1]", b"\xff", b"[" * 100_000])
def test_a_status_that_can_not_be_read_is_that_pods_failure_alone(text: bytes) -> None:
    with pytest.raises(GatewayError):
        _parse(AlgorithmReport, text)
