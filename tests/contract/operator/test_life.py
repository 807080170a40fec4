"""An Algorithm's life: it starts, obeys its control, is replaced for a reason, stops with care, and is deleted."""

import json

from tests.support.operator_stage import Stage, accounts, algorithms, pods, tenant_path
from tests.support.waiting import wait_until

NEW_CODE = "from stockade_sdk import Strategy\n\n\nclass Louder(Strategy):\n    pass\n"


def test_an_algorithm_lives_and_dies(stage: Stage) -> None:
    tenant, path = "life", f"{algorithms('life')}/quiet"
    pod_path = f"{pods(tenant)}/algo-quiet"
    with stage.operator():
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
    tenant, path = "faults", f"{algorithms('faults')}/quiet"
    with stage.operator():
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
    tenant, path = "withdraw", f"{algorithms('withdraw')}/quiet"
    permissions = {"canTrade": True, "canWithdraw": True, "ipRestricted": False}
    with stage.operator(), stage.kubelet.reporting_account(permissions=permissions):
        stage.create_tenant(tenant)
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(f"{accounts(tenant)}/main", "KeysAvailable", "False", "KeyCanWithdraw")
        stage.wait_for(path, "Accepted", "False", "KeyCanWithdraw")
        assert stage.get(f"{pods(tenant)}/algo-quiet") is None


def test_a_release_restarts_nothing_that_holds_a_position(stage: Stage) -> None:
    tenant, path = "release", f"{algorithms('release')}/quiet"
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


def _read_control(stage: Stage, pod_path: str) -> dict[str, object]:
    control: dict[str, object] = json.loads(stage.wait(pod_path)["metadata"]["annotations"]["stockade.dev/control"])
    return control
