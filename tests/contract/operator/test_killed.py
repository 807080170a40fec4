"""An operator that is killed between every two steps of a creation, a replacement and a deletion loses nothing."""

import pytest

from tests.support.operator_stage import Stage, algorithms, fresh, pods, tenant_path
from tests.support.waiting import wait_until

STEPS = 30
"""At least so many deaths lie between the tenant's creation and its end; writes on their way together die together."""


@pytest.mark.timeout(900)
def test_killed_between_every_two_steps_it_loses_nothing(stage: Stage) -> None:
    tenant = fresh("killed")
    path = f"{algorithms(tenant)}/quiet"
    pod = f"tenant-{tenant}/algo-quiet"
    with stage.operator(writes_per_life=1, log="killed"):
        stage.create_tenant(tenant)
        stage.create_account(tenant)
        stage.create_algorithm(tenant, "quiet")
        stage.wait_for(path, "Ready", "True")
        assert len(stage.kubelet.pods_seen[pod]) == 1
        stage.patch(path, {"spec": {"parameters": {"speed": 2}}})
        wait_until(
            lambda: len(stage.kubelet.pods_seen[pod]),
            "the replacement",
            holds=lambda seen: seen == 2,
            deadline_seconds=300,
        )
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
    assert log.count("killed after") >= STEPS, log
