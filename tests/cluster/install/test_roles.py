"""What panel and operator may do, asked of the real API server in a real tenant's namespace."""

import json
from typing import NamedTuple

import pytest

from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, TestTenant

PANEL = f"system:serviceaccount:{PLATFORM}:stockade-panel"
OPERATOR = f"system:serviceaccount:{PLATFORM}:stockade-operator"


class Right(NamedTuple):
    """One thing somebody may do or not."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    name: str = ""


OURS = "stockade.dev"
ROLES = "rbac.authorization.k8s.io"

PANEL_MAY = [
    Right("create", "secrets"),
    Right("delete", "secrets"),
    Right("patch", "algorithms", OURS),
    Right("delete", "algorithms", OURS),
    Right("patch", "exchangeaccounts", OURS),
    Right("get", "pods", "", "log"),
    Right("list", "events"),
]
PANEL_MAY_NOT = [
    Right("get", "secrets"),
    Right("list", "secrets"),
    Right("watch", "secrets"),
    # A patch and an update answer with the whole object.
    Right("patch", "secrets"),
    Right("update", "secrets"),
    Right("patch", "algorithms", OURS, "status"),
    Right("create", "pods"),
    Right("patch", "pods"),
    Right("create", "pods", "", "exec"),
    Right("create", "pods", "", "portforward"),
    Right("update", "pods", "", "ephemeralcontainers"),
    Right("create", "rolebindings", ROLES),
]
OPERATOR_MAY = [
    Right("create", "pods"),
    Right("patch", "algorithms", OURS, "status"),
    Right("create", "secrets"),
    Right("get", "secrets", "", "", "stockade-ledger"),
    Right("bind", "clusterroles", ROLES, "", "stockade-panel-tenant"),
]
OPERATOR_MAY_NOT = [
    Right("get", "secrets", "", "", "paper-keys-1"),
    Right("list", "secrets"),
    Right("watch", "secrets"),
    Right("create", "pods", "", "exec"),
    Right("get", "pods", "", "log"),
    Right("escalate", "clusterroles", ROLES),
    Right("bind", "clusterroles", ROLES, "", "cluster-admin"),
]
WRITES = [
    Right(verb, resource, group)
    for verb in ("create", "patch", "delete")
    for resource, group in (
        ("secrets", ""),
        ("pods", ""),
        ("configmaps", ""),
        ("algorithms", OURS),
        ("deployments", "apps"),
    )
]


def find_granted(kubectl: Kubectl, who: str, namespace: str, rights: list[Right]) -> list[Right]:
    """Ask the API server which of some rights somebody has in a namespace."""
    reviews = [
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": who,
                "groups": ["system:authenticated", "system:serviceaccounts"],
                "resourceAttributes": {"namespace": namespace, **right._asdict()},
            },
        }
        for right in rights
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    answers = kubectl.run("create", "-f", "-", "-o", "jsonpath={.status.allowed} ", stdin=text).split()
    assert set(answers) <= {"true", "false"}
    return [right for right, answer in zip(rights, answers, strict=True) if answer == "true"]


@pytest.mark.parametrize(("who", "rights"), [(PANEL, PANEL_MAY), (OPERATOR, OPERATOR_MAY)], ids=["panel", "operator"])
def test_what_they_need_they_may(kubectl: Kubectl, tenant: TestTenant, who: str, rights: list[Right]) -> None:
    assert find_granted(kubectl, who, tenant.namespace, rights) == rights


@pytest.mark.parametrize(
    ("who", "rights"), [(PANEL, PANEL_MAY_NOT), (OPERATOR, OPERATOR_MAY_NOT)], ids=["panel", "operator"]
)
def test_what_they_do_not_need_they_may_not(
    kubectl: Kubectl, tenant: TestTenant, who: str, rights: list[Right]
) -> None:
    assert find_granted(kubectl, who, tenant.namespace, rights) == []


@pytest.mark.parametrize("namespace", [PLATFORM, "default", "kube-system"])
def test_the_panel_writes_nothing_outside_of_tenants(kubectl: Kubectl, namespace: str) -> None:
    assert find_granted(kubectl, PANEL, namespace, WRITES) == []
