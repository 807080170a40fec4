"""One API server, ledger and node for all of the operator's tests; each test has tenants of its own."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.api_server import OPERATOR, install_definitions, run_api_server
from tests.support.fake_kubelet import run_fake_kubelet
from tests.support.operator_stage import ROOT, Stage
from tests.support.postgresql import run_server


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Set the stage; no operator runs on it yet."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with run_server() as postgresql, run_api_server() as server, server.client as client, server.client as kubelets:
        install_definitions(client, ROOT / "crds")
        _grant(client)
        with run_fake_kubelet(kubelets) as kubelet:
            yield Stage(server, client, kubelet, postgresql.create_ledger("operator"), log)


def _grant(client: httpx.Client) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "stockade-operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR}],
    }
    client.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", json=binding).raise_for_status()
