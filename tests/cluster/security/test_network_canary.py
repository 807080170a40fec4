"""The condition NetworkPolicyEnforced: true where the policies hold, false where they do not, asked again and again."""

from typing import Any

import pytest

from tests.support.kubectl import Kubectl, condition
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

CANARY = "network-canary"


def wait_for_verdict(kubectl: Kubectl, tenant: TestTenant, status: str) -> dict[str, Any]:
    return wait_until(
        lambda: condition(kubectl.get("tenant", tenant.name), "NetworkPolicyEnforced"),
        f"NetworkPolicyEnforced={status}",
        holds=lambda found: found.get("status") == status,
        deadline_seconds=120,
    )


def send_another(kubectl: Kubectl, tenant: TestTenant) -> None:
    """Take the ended canary away, as the operator does after ten minutes."""
    kubectl.delete("pod", CANARY, tenant.namespace)


@pytest.mark.timeout(500)
def test_the_condition_says_what_the_network_does(kubectl: Kubectl, tenant: TestTenant) -> None:
    assert wait_for_verdict(kubectl, tenant, "True")["reason"] == "CanaryHeld"
    hole = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "hole", "namespace": tenant.namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": CANARY}},
            "policyTypes": ["Egress"],
            "egress": [{}],
        },
    }
    # For the canary it is now as in a cluster whose network plugin enforces nothing.
    kubectl.apply(hole)
    send_another(kubectl, tenant)
    found = wait_for_verdict(kubectl, tenant, "False")
    assert found["reason"] == "NotEnforced"
    assert "Install a network plugin" in found["message"]
    assert condition(kubectl.get("tenant", tenant.name), "Ready")["status"] == "True"
    kubectl.delete("networkpolicy", "hole", tenant.namespace)
    send_another(kubectl, tenant)
    wait_for_verdict(kubectl, tenant, "True")
    canaries = kubectl.items("pod", tenant.namespace, f"app.kubernetes.io/name={CANARY}")
    assert len(canaries) == 1
    assert canaries[0]["status"]["phase"] == "Succeeded"
