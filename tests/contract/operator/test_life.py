"""An Algorithm's life: it starts, obeys its control, is replaced for a reason, stops with care, and is deleted."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.support.operator_stage import Manifest, Stage, accounts, algorithms, fresh, pods, tenant_path
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

QUIET_SECONDS = 24.0
"""Twelve resyncs at the two seconds of these tests, sixteen polls of each gateway, twice what figures may wait."""
NEW_CODE = "from stockade_sdk import Strategy\n\n\nclass Louder(Strategy):\n    pass\n"


@pytest.fixture(scope="module", autouse=True)
def operator(stage: Stage) -> Iterator[None]:
    """Run one operator for all tests of this module."""
    with stage.operator():
        yield


def test_an_algorithm_lives_and_dies(stage: Stage) -> None:
    tenant = fresh("life")
    path = f"{algorithms(tenant)}/quiet"
    pod_path = f"{pods(tenant)}/algo-quiet"
    stage.create_tenant(tenant)
    stage.create_account(tenant)
    stage.create_algorithm(tenant, "quiet")
    for each in (tenant_path(tenant), f"{accounts(tenant)}/main", path):
        stage.wait_for(each, "Ready", "True")
    first = stage.wait(pod_path)

    stage.patch(path, {"spec": {"trading": "Halted", "limits": {"maxOpenOrders": 3}}})
    control = wait_until(
        lambda: _read_control(stage, pod_path), "the control", holds=lambda seen: seen["trading"] == "Halted"
    )
    assert control["limits"] == {"maxOpenOrders": 3, "quoteAsset": "USDT"}
    assert control["generation"] == 2
    stage.patch(f"{accounts(tenant)}/main", {"spec": {"trading": "Reducing"}})
    wait_until(
        lambda: _read_control(stage, pod_path),
        "the account's switch",
        holds=lambda seen: seen["account"]["trading"] == "Reducing",
    )
    stage.kubelet.controls_to_miss = 1
    stage.patch(path, {"spec": {"trading": "Active"}})
    wait_until(
        lambda: stage.wait(path)["status"].get("appliedControlGeneration"),
        "a switch that the kubelet had missed",
        holds=lambda seen: seen == 3,
    )
    assert stage.kubelet.controls_to_miss == 0
    assert "stockade.dev/control-repeated" in stage.wait(pod_path)["metadata"]["annotations"]
    assert stage.wait(pod_path)["metadata"]["uid"] == first["metadata"]["uid"]

    stage.patch(path, {"spec": {"source": {"inline": NEW_CODE}}})
    wait_until(
        lambda: len(stage.kubelet.pods_seen[f"tenant-{tenant}/algo-quiet"]), "a second pod", holds=lambda n: n == 2
    )
    stage.wait_for(path, "Ready", "True")
    status = stage.wait(path)["status"]
    assert status["version"]["number"] == 2
    assert status["onStop"] == stage.kubelet.on_stop
    frozen = stage.wait(f"/api/v1/namespaces/tenant-{tenant}/configmaps/algo-quiet-v2")
    assert frozen["data"]["algorithm.py"] == NEW_CODE
    assert frozen["immutable"] is True

    stage.patch(path, {"spec": {"state": "Stopped"}})
    stage.wait_gone(pod_path)
    stage.wait_for(path, "Ready", "False", "Stopped")
    stage.delete(path)
    stage.wait_gone(path)
    assert stage.kubelet.overlaps == []


def test_faults_and_refusals_are_told(stage: Stage) -> None:
    tenant = fresh("faults")
    path = f"{algorithms(tenant)}/quiet"
    stage.create_tenant(tenant)
    stage.wait(f"/api/v1/namespaces/tenant-{tenant}")
    stage.create_algorithm(tenant, "quiet", source={"configMap": {"name": "code"}})
    stage.wait_for(path, "Accepted", "False", "AccountMissing")
    stage.create_account(tenant)
    stage.wait_for(path, "Accepted", "False", "SourceMissing")
    code = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "code"},
        "data": {"algorithm.py": NEW_CODE},
    }
    stage.create(f"/api/v1/namespaces/tenant-{tenant}/configmaps", code)
    stage.wait_for(path, "Ready", "True")
    fault = {"kind": "ImportError", "message": "No module named 'x'", "file": "algorithm.py", "line": 12}
    with stage.kubelet.reporting(algorithmState="Faulted", fault=fault):
        stage.wait_for(path, "AlgorithmRunning", "False", "UserCodeFailed")
        status = stage.wait(path)["status"]
        assert status["state"] == "Faulted"
        message = next(each["message"] for each in status["conditions"] if each["type"] == "AlgorithmRunning")
        assert message == "algorithm.py:12: ImportError: No module named 'x'"
    stage.wait_for(path, "AlgorithmRunning", "True")
    told = [each for each in stage.list_events(tenant, "quiet") if each["reason"] == "UserCodeFailed"]
    assert len({each["message"] for each in told}) == 1


def test_a_key_that_can_withdraw_is_refused(stage: Stage) -> None:
    tenant = fresh("withdraw")
    path = f"{algorithms(tenant)}/quiet"
    permissions = {"canTrade": True, "canWithdraw": True, "ipRestricted": False}
    with stage.kubelet.reporting_account(permissions=permissions):
        stage.create_tenant(tenant)
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(f"{accounts(tenant)}/main", "KeysAvailable", "False", "KeyCanWithdraw")
        stage.wait_for(path, "Accepted", "False", "KeyCanWithdraw")
        assert stage.get(f"{pods(tenant)}/algo-quiet") is None


def test_the_quota_holds_among_algorithms_of_the_same_second(stage: Stage) -> None:
    tenant, quota = fresh("crowd"), 3
    stage.create_tenant(tenant, quota={"algorithms": quota})
    stage.create_account(tenant)
    stage.wait_for(f"{accounts(tenant)}/main", "Ready", "True")
    # Written against the order of their names: by age and name alone, each would take the place of the one before.
    names = [f"algo-{letter}" for letter in "hgfedcba"]
    for name in names:
        stage.create_algorithm(tenant, name)
    wait_until(
        lambda: [stage.condition(f"{algorithms(tenant)}/{name}", "Accepted") for name in names],
        "a verdict on each",
        holds=lambda seen: (
            sorted(seen) == [("False", "QuotaExceeded")] * (len(names) - quota) + [("True", "Accepted")] * quota
        ),
        deadline_seconds=120,
    )
    started = wait_until(
        lambda: [name for name in stage.kubelet.pods_seen if name.startswith(f"tenant-{tenant}/algo-algo-")],
        "the pods of those that were accepted",
        holds=lambda seen: len(seen) >= quota,
    )
    assert len(started) == quota


def test_a_pod_on_a_silent_node_is_not_replaced(stage: Stage) -> None:
    tenant = fresh("silent")
    path = f"{algorithms(tenant)}/quiet"
    pod_path = f"{pods(tenant)}/algo-quiet"
    stage.create_tenant(tenant)
    stage.create_account(tenant)
    stage.create_algorithm(tenant, "quiet")
    stage.wait_for(path, "Ready", "True")
    uid = stage.wait(pod_path)["metadata"]["uid"]
    with stage.kubelet.cut_off():
        stage.client.request("DELETE", pod_path, json={"gracePeriodSeconds": 0})
        stage.wait_for(path, "Ready", "False", "Stopping")
        assert stage.wait(pod_path)["metadata"]["uid"] == uid
    wait_until(
        lambda: (stage.get(pod_path) or {}).get("metadata", {}).get("uid"),
        "the replacement",
        holds=lambda seen: seen not in {None, uid},
    )
    assert stage.kubelet.overlaps == []


def test_without_the_database_algorithms_start_and_stop(stage: Stage) -> None:
    tenant = fresh("dry")
    path = f"{algorithms(tenant)}/quiet"
    stage.create_tenant(tenant)
    stage.create_account(tenant)
    stage.wait_for(tenant_path(tenant), "LedgerReady", "True")
    stage.ledger.server.stop()
    try:
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(path, "Ready", "True")
        stage.wait_for(tenant_path(tenant), "LedgerReady", "False", "LedgerUnavailable")
        stage.patch(path, {"spec": {"state": "Stopped"}})
        stage.wait_gone(f"{pods(tenant)}/algo-quiet")
    finally:
        stage.ledger.server.start()
    stage.wait_for(tenant_path(tenant), "LedgerReady", "True")
    with stage.ledger.connect() as connection:
        rows = connection.execute("SELECT name, account, mode FROM ledger.algorithm WHERE deleted IS NULL").fetchall()
    assert ("quiet", "main", "Paper") in rows


def test_nothing_is_written_when_nothing_changes(stage: Stage) -> None:
    tenant = fresh("idle")
    stage.create_tenant(tenant, quota={"cpu": "4.5", "memory": "4096Mi"})
    stage.create_account(tenant)
    stage.create_algorithm(tenant, "one", parameters={"depth": 1.5}, limits={"maxOrderNotional": "1000.50"})
    stage.create_algorithm(tenant, "two", state="Stopped")
    stage.wait_for(f"{algorithms(tenant)}/one", "Ready", "True")
    stage.wait_for(f"{algorithms(tenant)}/two", "Ready", "False", "Stopped")
    # A machine that stands still makes the database late once, which is worth a write; a defect writes at each resync.
    wait_until(lambda: _list_writes_meanwhile(stage), "no write", holds=lambda seen: seen == [], deadline_seconds=300)


def _read_control(stage: Stage, pod_path: str) -> Manifest:
    control: Manifest = json.loads(stage.wait(pod_path)["metadata"]["annotations"]["stockade.dev/control"])
    return control


def _list_writes_meanwhile(stage: Stage) -> list[tuple[str, str]]:
    """Return what is written from now on until it would be quiet for long enough; nothing if it is."""
    before = len(stage.server.list_writes())
    time.sleep(QUIET_SECONDS)
    return stage.server.list_writes()[before:]
