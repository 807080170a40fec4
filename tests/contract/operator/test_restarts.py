"""Operators that were away, are doubled or upgraded: what was missed is made good, no pod is doubled."""

import pytest

from tests.support.operator_stage import Stage, algorithms, fresh, pods
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)


def test_what_changed_while_it_was_away_is_made_good(stage: Stage) -> None:
    tenant = fresh("away")
    path = f"{algorithms(tenant)}/quiet"
    with stage.operator():
        stage.create_tenant(tenant)
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(path, "Ready", "True")
    stage.delete(f"/apis/networking.k8s.io/v1/namespaces/tenant-{tenant}/networkpolicies/default-deny")
    stage.delete(f"/api/v1/namespaces/tenant-{tenant}/secrets/stockade-ledger")
    stage.patch(path, {"spec": {"state": "Stopped"}})
    stage.create_algorithm(tenant, "late")
    with stage.operator():
        stage.wait_gone(f"{pods(tenant)}/algo-quiet")
        stage.wait_for(f"{algorithms(tenant)}/late", "Ready", "True")
        stage.wait(f"/apis/networking.k8s.io/v1/namespaces/tenant-{tenant}/networkpolicies/default-deny")
        stage.wait(f"/api/v1/namespaces/tenant-{tenant}/secrets/stockade-ledger")


def test_two_operators_make_one_pod(stage: Stage) -> None:
    tenant = fresh("twice")
    path = f"{algorithms(tenant)}/quiet"
    with stage.operator(), stage.operator(log="second"):
        stage.create_tenant(tenant)
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(path, "Ready", "True")
        stage.patch(path, {"spec": {"symbols": ["ETHUSDT"]}})
        wait_until(
            lambda: len(stage.kubelet.pods_seen[f"tenant-{tenant}/algo-quiet"]), "a second pod", holds=lambda n: n == 2
        )
        stage.wait_for(path, "Ready", "True")
    assert stage.kubelet.overlaps == []


def test_a_release_restarts_nothing_that_holds_a_position(stage: Stage) -> None:
    tenant = fresh("release")
    path = f"{algorithms(tenant)}/quiet"
    pod_path = f"{pods(tenant)}/algo-quiet"
    with stage.kubelet.reporting(positions={"BTCUSDT": "0.5"}):
        with stage.operator():
            stage.create_tenant(tenant)
            stage.create_account(tenant)
            stage.create_algorithm(tenant, "quiet")
            stage.wait_for(path, "Ready", "True")
        before = stage.wait(pod_path)["metadata"]["uid"]
        with stage.operator(STOCKADE_GATEWAY_IMAGE="localhost/stockade/gateway:next"):
            stage.wait_for(path, "UpdatePending", "True", "PlatformChanged")
            assert stage.wait(pod_path)["metadata"]["uid"] == before
            stage.patch(path, {"spec": {"updatePolicy": "Immediate"}})
            wait_until(
                lambda: (stage.get(pod_path) or {}).get("metadata", {}).get("uid"),
                "the replacement",
                holds=lambda uid: uid not in {None, before},
            )
