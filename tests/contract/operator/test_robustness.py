"""Killed at any step, doubled, cut off from node or database: nothing is lost, and there is never a second pod."""

import time

from tests.support.operator_stage import Stage, accounts, algorithms, pods, tenant_path
from tests.support.waiting import wait_until

QUIET_SECONDS = 20.0
"""Ten resyncs at the two seconds of these tests, and a dozen polls of each gateway."""


def test_killed_between_every_two_steps_it_loses_nothing(stage: Stage) -> None:
    tenant, path = "killed", f"{algorithms('killed')}/quiet"
    pod = f"tenant-{tenant}/algo-quiet"
    with stage.operator(writes_per_life=1, log="killed"):
        stage.create_tenant(tenant)
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(path, "Ready", "True")
        assert len(stage.kubelet.pods_seen[pod]) == 1
        stage.patch(path, {"spec": {"parameters": {"speed": 2}}})
        wait_until(lambda: len(stage.kubelet.pods_seen[pod]), "the replacement", holds=lambda seen: seen == 2)
        stage.wait_for(path, "Ready", "True")
        assert stage.wait(path)["status"]["version"]["number"] == 2
        stage.delete(path)
        stage.wait_gone(path)
        assert stage.get(f"{pods(tenant)}/algo-quiet") is None
        outcomes = [each for each in stage.list_events(tenant, "quiet") if each["reason"] == "OnStopDone"]
        assert len(outcomes) == 2
        stage.delete(tenant_path(tenant))
        stage.wait_gone(tenant_path(tenant))
        assert stage.get(f"/api/v1/namespaces/tenant-{tenant}") is None
    assert len(stage.kubelet.pods_seen[pod]) == 2
    assert stage.kubelet.overlaps == []
    with stage.ledger.connect() as connection:
        role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (f"tenant-{tenant}",)).fetchone()
    assert role is None
    log = stage.log.with_name("killed.log").read_text()
    assert log.count("killed after") > 20, log


def test_nothing_is_written_when_nothing_changes(stage: Stage) -> None:
    tenant = "idle"
    with stage.operator():
        stage.create_tenant(tenant, quota={"cpu": "4.5", "memory": "4096Mi"})
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "one", parameters={"depth": 1.5}, limits={"maxOrderNotional": "1000.50"})
        stage.create_algorithm(tenant, "two", state="Stopped")
        stage.wait_for(f"{algorithms(tenant)}/one", "Ready", "True")
        stage.wait_for(f"{algorithms(tenant)}/two", "Ready", "False", "Stopped")
        before = wait_until(lambda: _settled_writes(stage), "a pause in the writes")
        time.sleep(QUIET_SECONDS)
        assert stage.server.list_writes()[len(before) :] == []


def test_what_changed_while_it_was_away_is_made_good(stage: Stage) -> None:
    tenant, path = "away", f"{algorithms('away')}/quiet"
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
    tenant, path = "twice", f"{algorithms('twice')}/quiet"
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


def test_a_pod_on_a_silent_node_is_not_replaced(stage: Stage) -> None:
    tenant, path = "silent", f"{algorithms('silent')}/quiet"
    pod_path = f"{pods(tenant)}/algo-quiet"
    with stage.operator():
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
    tenant, path = "dry", f"{algorithms('dry')}/quiet"
    with stage.operator():
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


def _settled_writes(stage: Stage) -> list[tuple[str, str]]:
    """Return the writes so far, or nothing while there was one within the last three seconds."""
    seen = stage.server.list_writes()
    time.sleep(3)
    return seen if stage.server.list_writes() == seen else []
