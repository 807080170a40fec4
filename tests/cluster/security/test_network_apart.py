"""Real packets between tenants and out of them: what is not needed does not arrive (promise 7)."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.containers import GATEWAY, pod_processes
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, Paper, TestTenant

TRY = (
    "import socket,sys\n"
    "s=socket.socket(); s.settimeout(3)\n"
    "try: s.connect((sys.argv[1], int(sys.argv[2]))); print('OPEN')\n"
    "except OSError: print('CLOSED')\n"
)


@pytest.fixture(scope="module")
def other(kubectl: Kubectl, paper: Paper) -> Iterator[TestTenant]:
    made = TestTenant(kubectl, paper, "network-other")
    try:
        yield made.create()
    finally:
        made.delete()


def pod_named(kubectl: Kubectl, namespace: str, prefix: str) -> dict[str, Any]:
    pods = kubectl.items("pods", namespace)
    return next(pod for pod in pods if pod["metadata"]["name"].startswith(prefix) and pod["status"].get("podIP"))


def reaches(kubectl: Kubectl, tenant: TestTenant, address: str, port: int) -> bool:
    """Whether a packet from the tenant's account gateway arrives, sent from its own network namespace by the node."""
    uid = pod_named(kubectl, tenant.namespace, "account-paper")["metadata"]["uid"]
    pid = pod_processes(uid, GATEWAY)[0].pid
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", TRY, address, str(port)]
    seen = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    assert seen in {"OPEN", "CLOSED"}
    return seen == "OPEN"


def test_a_gateway_reaches_its_exchange_and_its_ledger(kubectl: Kubectl, tenant: TestTenant) -> None:
    for prefix, port in (("stockade-paper-exchange", 9000), ("stockade-postgresql", 5432)):
        address = pod_named(kubectl, PLATFORM, prefix)["status"]["podIP"]
        assert reaches(kubectl, tenant, address, port), prefix


def test_a_gateway_does_not_reach_another_tenants(kubectl: Kubectl, tenant: TestTenant, other: TestTenant) -> None:
    address = pod_named(kubectl, other.namespace, "account-paper")["status"]["podIP"]
    assert not reaches(kubectl, tenant, address, 8080)


def test_a_gateway_does_not_reach_the_api_server(kubectl: Kubectl, tenant: TestTenant) -> None:
    found = kubectl.get("service", "kubernetes", "default")
    assert found is not None
    assert not reaches(kubectl, tenant, found["spec"]["clusterIP"], 443)
    endpoints = kubectl.items("endpointslices.discovery.k8s.io", "default")
    for address in (each for one in endpoints for end in one["endpoints"] for each in end["addresses"]):
        assert not reaches(kubectl, tenant, address, 6443)
