"""One API server, ledger and node for all of the operator's tests; each test has tenants of its own."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.api_server import install_definitions, run_api_server
from tests.support.chart import render
from tests.support.fake_kubelet import run_fake_kubelet
from tests.support.operator_stage import ROOT, Stage
from tests.support.postgresql import run_server

PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
"""The cluster-wide objects of the chart, apart from the resource definitions."""


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Set the stage; no operator runs on it yet."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with run_server() as postgresql, run_api_server() as server, server.client as client, server.client as kubelets:
        install_definitions(client, ROOT / "crds")
        _install_chart(client)
        with run_fake_kubelet(kubelets) as kubelet:
            yield Stage(server, client, kubelet, postgresql.create_ledger("operator"), log)


def _install_chart(client: httpx.Client) -> None:
    """Create what the chart gives the operator: its rights, and the policies that its pods have to pass."""
    for manifest in render():
        plural = PLURALS.get(manifest["kind"])
        if plural is not None:
            client.post(f"/apis/{manifest['apiVersion']}/{plural}", json=manifest).raise_for_status()
