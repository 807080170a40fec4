"""What each service account may do, asked of the real API server."""

import pytest

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, TestTenant

PANEL = f"system:serviceaccount:{PLATFORM}:stockade-panel"
OPERATOR = f"system:serviceaccount:{PLATFORM}:stockade-operator"


def may(kubectl: Kubectl, who: str, verb: str, what: str, namespace: str) -> bool:
    return kubectl.attempt("auth", "can-i", verb, what, "-n", namespace, f"--as={who}").stdout.strip() == "yes"


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_the_panel_creates_and_deletes_keys(kubectl: Kubectl, tenant: TestTenant, verb: str) -> None:
    assert may(kubectl, PANEL, verb, "secrets", tenant.namespace)


@pytest.mark.parametrize("verb", ["get", "list", "watch", "update", "patch", "deletecollection"])
def test_the_panel_does_nothing_else_with_a_secret(kubectl: Kubectl, tenant: TestTenant, verb: str) -> None:
    assert not may(kubectl, PANEL, verb, "secrets", tenant.namespace)


def test_the_panel_really_is_refused_a_secret(kubectl: Kubectl, tenant: TestTenant) -> None:
    done = kubectl.attempt("get", "secret", "paper-keys-1", "-n", tenant.namespace, f"--as={PANEL}")
    assert done.returncode != 0
    assert "forbidden" in done.stderr


@pytest.mark.parametrize("what", ["pods", "pods/exec", "deployments.apps", "roles.rbac.authorization.k8s.io"])
def test_the_panel_makes_nothing_that_runs(kubectl: Kubectl, tenant: TestTenant, what: str) -> None:
    assert not may(kubectl, PANEL, "create", what, tenant.namespace)


@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_the_operator_reads_no_key(kubectl: Kubectl, tenant: TestTenant, verb: str) -> None:
    assert not may(kubectl, OPERATOR, verb, "secret/paper-keys-1", tenant.namespace)


def test_a_tenants_pods_have_no_token(kubectl: Kubectl, tenant: TestTenant) -> None:
    pods = kubectl.items("pods", tenant.namespace)
    assert pods
    assert [
        pod["metadata"]["name"] for pod in pods if pod["spec"].get("automountServiceAccountToken") is not False
    ] == []
