"""NetworkPolicies are in force: the table of verdicts by real packets between real pods."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.policies import CASES, NAMESPACES, PODS, Case, policy
from tests.support.waiting import wait_until

SERVED = (80, 81, 8080)
SERVER_CODE = f"""
import selectors, socket
ready = selectors.DefaultSelector()
for port in {SERVED}:
    ready.register(socket.create_server(("0.0.0.0", port)), selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        key.fileobj.accept()[0].close()
"""
CONNECT_CODE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()
except OSError as error:
    print("refused", error)
else:
    print("passed")
"""
TRIED = [case for case in CASES if case.tried]


def _pod(name: str, namespace: str, labels: dict[str, str], image: str, command: list[str]) -> dict[str, Any]:
    security = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": 10999,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "main",
        "image": image,
        "command": command,
        "securityContext": security,
        "ports": [{"name": "http", "containerPort": 8080}] if name == "server" else [],
    }
    spec = {
        "containers": [container],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": spec,
    }


@dataclass
class World:
    """The pods of the table in namespaces of the test's own."""

    kubectl: Kubectl
    image: str
    mark: str
    names: dict[str, str]
    addresses: dict[str, str]

    def connects(self, source: str, destination: str, port: int) -> bool:
        """Whether a new connection between two pods of the table passes."""
        pod = next(pod for pod in PODS if pod.address == source)
        words = ["python3", "-c", CONNECT_CODE, self.addresses.get(destination, destination), str(port)]
        said = self.kubectl.execute(pod.name, self.names[pod.namespace], "main", *words)
        assert said.startswith(("passed", "refused")), said
        return said.startswith("passed")

    def put(self, *policies: dict[str, Any]) -> None:
        """Replace all policies of both namespaces by these."""
        self.kubectl.run("delete", "networkpolicy", "-A", "-l", f"world={self.mark}")
        wanted = [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {
                    "name": f"p{number}",
                    "namespace": self.names[each["metadata"]["namespace"]],
                    "labels": {"world": self.mark},
                },
                "spec": each["spec"],
            }
            for number, each in enumerate(policies)
        ]
        if wanted:
            self.kubectl.apply(*wanted)

    def wait_verdict(self, source: str, destination: str, port: int, *, passes: bool) -> None:
        """Wait until a connection passes, or no longer does."""
        wait_until(
            lambda: self.connects(source, destination, port),
            f"{source} to {destination}:{port} to be {'let through' if passes else 'refused'}",
            holds=lambda seen: seen is passes,
            deadline_seconds=60,
        )


@pytest.fixture(scope="module")
def world(kubectl: Kubectl) -> Iterator[World]:
    """Client, server and teller, all of them running."""
    platform = kubectl.get("deployment", "stockade-paper-exchange", "stockade-system")
    assert platform is not None, "the platform is not installed"
    image = platform["spec"]["template"]["spec"]["containers"][0]["image"]
    mark = secrets.token_hex(3)
    names = {name: f"{name}-{mark}" for name in NAMESPACES}
    try:
        kubectl.apply(
            *(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names[name], "labels": labels}}
                for name, labels in NAMESPACES.items()
            )
        )
        wait_until(
            lambda: [kubectl.get("serviceaccount", "default", name) for name in names.values()],
            "the namespaces to be complete",
            holds=all,
        )
        command = ["python3", "-c", SERVER_CODE]
        kubectl.apply(*(_pod(pod.name, names[pod.namespace], dict(pod.labels), image, command) for pod in PODS))
        for pod in PODS:
            kubectl.run("wait", "pod", pod.name, "-n", names[pod.namespace], "--for=condition=Ready", "--timeout=80s")
        addresses = {}
        for pod in PODS:
            found = kubectl.get("pod", pod.name, names[pod.namespace])
            assert found is not None
            addresses[pod.address] = found["status"]["podIP"]
        yield World(kubectl, image, mark, names, addresses)
    finally:
        for name in names.values():
            kubectl.delete("namespace", name, wait=False)


@pytest.mark.parametrize("case", TRIED, ids=lambda case: case.name)
def test_verdict_by_packets(world: World, case: Case) -> None:
    path = case.source, case.destination, case.port
    # Coming from the opposite verdict, so that a policy which did nothing can't pass for one that allows or refuses.
    opposite = [] if not case.passes else [policy(name, {}, ["Ingress", "Egress"]) for name in NAMESPACES]
    world.put(*opposite)
    world.wait_verdict(*path, passes=not case.passes)
    world.put(*case.policies)
    world.wait_verdict(*path, passes=case.passes)


def test_a_pod_is_closed_from_its_first_packet(world: World) -> None:
    client, server, _ = PODS
    world.put(policy("shop", {"matchLabels": {"app": "early"}}, ["Ingress", "Egress"]))
    world.wait_verdict(client.address, server.address, 8080, passes=True)
    command = ["python3", "-c", CONNECT_CODE, world.addresses[server.address], "8080"]
    namespace = world.names["shop"]
    names = [f"early-{attempt}" for attempt in range(5)]
    world.kubectl.apply(*(_pod(name, namespace, {"app": "early"}, world.image, command) for name in names))
    wait_until(
        lambda: [world.kubectl.get("pod", name, namespace) for name in names],
        "the pods to end",
        holds=lambda pods: all((pod or {}).get("status", {}).get("phase") in {"Succeeded", "Failed"} for pod in pods),
        deadline_seconds=80,
    )
    said = [world.kubectl.logs(name, namespace, "main") for name in names]
    assert [each.split()[0] for each in said] == ["refused"] * len(names)


def test_nothing_leads_out_of_the_namespace(world: World) -> None:
    world.put()
    client, server, _ = PODS
    world.wait_verdict(client.address, server.address, 80, passes=True)
    assert not world.connects(client.address, "10.99.0.1", 22)
    assert not world.connects(client.address, "192.0.2.1", 443)
