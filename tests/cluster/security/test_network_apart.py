"""Real packets between tenants and out of them: what is not needed does not arrive (promise 7)."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.containers import pod_processes
from tests.support.kubectl import Kubectl, condition
from tests.support.tenants import PLATFORM, Paper, TestTenant

QUIET = "from stockade_sdk import Strategy\n\n\nclass Quiet(Strategy):\n    pass\n"
TRY = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def passes(door):
    try:
        socket.create_connection(door, timeout=3).close()
    except OSError:
        return False
    return True

doors = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(doors)) as threads:
    print(json.dumps(list(threads.map(passes, doors))))
"""
Door = tuple[str, int]


@pytest.fixture(scope="module")
def other(kubectl: Kubectl, paper: Paper, leaving: list[TestTenant]) -> Iterator[TestTenant]:
    made = TestTenant(kubectl, paper, f"network-other-{secrets.token_hex(2)}")
    try:
        yield made.create()
    finally:
        made.delete()
        leaving.append(made)


def pod_named(kubectl: Kubectl, namespace: str, prefix: str) -> dict[str, Any]:
    pods = kubectl.items("pods", namespace)
    return next(pod for pod in pods if pod["metadata"]["name"].startswith(prefix) and pod["status"].get("podIP"))


def find_open(pod: dict[str, Any], doors: dict[str, Door]) -> list[str]:
    """The doors that let a packet from a pod through, sent from its own network namespace by the node.

    So it is sent by a process that no launcher and no seccomp filter holds: what stops it is the network.
    """
    pid = pod_processes(pod["metadata"]["uid"])[0].pid
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", TRY, json.dumps(list(doors.values()))]
    seen = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout)
    return [name for name, passes in zip(doors, seen, strict=True) if passes]


def reaches(kubectl: Kubectl, tenant: TestTenant, address: str, port: int) -> bool:
    """Whether a packet from the tenant's account gateway arrives."""
    gateway = pod_named(kubectl, tenant.namespace, "account-paper")
    return find_open(gateway, {"it": (address, port)}) == ["it"]


@pytest.fixture(scope="module")
def algorithm(kubectl: Kubectl, tenant: TestTenant) -> dict[str, Any]:
    """The pod of an algorithm that runs."""
    tenant.open_account("second")
    tenant.apply_algorithm("quiet", QUIET)
    tenant.wait_ready("algorithm", "quiet")
    return pod_named(kubectl, tenant.namespace, "algo-quiet")


def test_an_algorithms_pod_reaches_its_exchange_its_ledger_its_accounts_gateway_and_the_name_server(
    kubectl: Kubectl, tenant: TestTenant, algorithm: dict[str, Any]
) -> None:
    doors = {
        "exchange": (pod_named(kubectl, PLATFORM, "stockade-paper-exchange")["status"]["podIP"], 9000),
        "ledger": (pod_named(kubectl, PLATFORM, "stockade-postgresql")["status"]["podIP"], 5432),
        "account gateway": (pod_named(kubectl, tenant.namespace, "account-paper")["status"]["podIP"], 8080),
        "names": (pod_named(kubectl, "kube-system", "coredns")["status"]["podIP"], 53),
    }
    assert find_open(algorithm, doors) == list(doors)


def test_an_algorithms_pod_reaches_nothing_else_though_no_launcher_holds_it(
    kubectl: Kubectl, tenant: TestTenant, other: TestTenant, algorithm: dict[str, Any]
) -> None:
    platform = {
        name: pod_named(kubectl, PLATFORM, f"stockade-{name}")["status"]["podIP"]
        for name in ("operator", "panel", "paper-exchange", "postgresql")
    }
    service = kubectl.get("service", "kubernetes", "default")
    assert service is not None
    node = kubectl.items("node")[0]["status"]["addresses"][0]["address"]
    second = pod_named(kubectl, tenant.namespace, "account-second")["status"]["podIP"]
    foreign = pod_named(kubectl, other.namespace, "account-paper")["status"]["podIP"]
    doors = {
        "the operator's metrics": (platform["operator"], 8080),
        "the operator's second door": (platform["operator"], 8081),
        "the panel": (platform["panel"], 8080),
        "the gateway of its tenant's other account": (second, 8080),
        "another tenant's account gateway": (foreign, 8080),
        "the API server's Service": (service["spec"]["clusterIP"], 443),
        "the API server": (node, 6443),
        "the kubelet": (node, 10250),
        "the cloud's metadata": ("169.254.169.254", 80),
        "the internet": ("192.0.2.1", 443),
    }
    assert find_open(algorithm, doors) == []


def test_only_operator_and_kubelet_reach_an_algorithms_pod(
    kubectl: Kubectl, tenant: TestTenant, other: TestTenant, algorithm: dict[str, Any]
) -> None:
    door = {"status": (algorithm["status"]["podIP"], 8081)}
    assert find_open(pod_named(kubectl, PLATFORM, "stockade-operator"), door) == ["status"]
    # The kubelet's probes come through.
    assert condition(kubectl.get("pod", "algo-quiet", tenant.namespace), "Ready").get("status") == "True"
    strangers = {
        "the panel": (PLATFORM, "stockade-panel"),
        "the paper exchange": (PLATFORM, "stockade-paper-exchange"),
        "the database": (PLATFORM, "stockade-postgresql"),
        "its own account gateway": (tenant.namespace, "account-paper"),
        "another tenant's gateway": (other.namespace, "account-paper"),
    }
    assert [name for name, pod in strangers.items() if find_open(pod_named(kubectl, *pod), door)] == []


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
