"""What panel and operator may do, asked of the real API server in a real tenant's namespace."""

import pytest

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, TestTenant

PANEL = f"system:serviceaccount:{PLATFORM}:stockade-panel"
OPERATOR = f"system:serviceaccount:{PLATFORM}:stockade-operator"


def ask(kubectl: Kubectl, who: str, verb: str, what: str, namespace: str) -> str:
    """Ask the API server whether somebody may do something; the answer is yes or no."""
    done = kubectl.attempt("auth", "can-i", verb, *what.split(), "-n", namespace, f"--as={who}")
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    ("verb", "what", "answer"),
    [
        ("create", "secrets", "yes"),
        ("delete", "secrets", "yes"),
        ("get", "secrets", "no"),
        ("list", "secrets", "no"),
        ("watch", "secrets", "no"),
        # A patch answers with the whole object.
        ("patch", "secrets", "no"),
        ("update", "secrets", "no"),
        ("patch", "algorithms.stockade.dev", "yes"),
        ("delete", "algorithms.stockade.dev", "yes"),
        ("patch", "exchangeaccounts.stockade.dev", "yes"),
        ("patch", "algorithms.stockade.dev --subresource=status", "no"),
        ("get", "pods --subresource=log", "yes"),
        ("list", "events", "yes"),
        ("create", "pods", "no"),
        ("patch", "pods", "no"),
        ("create", "pods --subresource=exec", "no"),
        ("create", "pods --subresource=portforward", "no"),
        ("update", "pods --subresource=ephemeralcontainers", "no"),
        ("create", "rolebindings.rbac.authorization.k8s.io", "no"),
    ],
)
def test_the_panel_in_a_tenants_namespace(
    kubectl: Kubectl, tenant: TestTenant, verb: str, what: str, answer: str
) -> None:
    assert ask(kubectl, PANEL, verb, what, tenant.namespace) == answer


@pytest.mark.parametrize("what", ["secrets", "pods", "configmaps", "algorithms.stockade.dev", "deployments.apps"])
@pytest.mark.parametrize("verb", ["create", "patch", "delete"])
@pytest.mark.parametrize("namespace", [PLATFORM, "default", "kube-system"])
def test_the_panel_writes_nothing_outside_of_tenants(kubectl: Kubectl, verb: str, what: str, namespace: str) -> None:
    assert ask(kubectl, PANEL, verb, what, namespace) == "no"


@pytest.mark.parametrize(
    ("verb", "what", "answer"),
    [
        ("create", "pods", "yes"),
        ("patch", "algorithms.stockade.dev --subresource=status", "yes"),
        ("get", "secrets/stockade-ledger", "yes"),
        ("get", "secrets/paper-keys-1", "no"),
        ("list", "secrets", "no"),
        ("watch", "secrets", "no"),
        ("create", "pods --subresource=exec", "no"),
        ("get", "pods --subresource=log", "no"),
        ("escalate", "clusterroles.rbac.authorization.k8s.io", "no"),
        ("bind", "clusterroles.rbac.authorization.k8s.io/cluster-admin", "no"),
        ("bind", "clusterroles.rbac.authorization.k8s.io/stockade-panel-tenant", "yes"),
    ],
)
def test_the_operator_in_a_tenants_namespace(
    kubectl: Kubectl, tenant: TestTenant, verb: str, what: str, answer: str
) -> None:
    assert ask(kubectl, OPERATOR, verb, what, tenant.namespace) == answer
