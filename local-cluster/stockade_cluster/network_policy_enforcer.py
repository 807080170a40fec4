"""Keeps the nftables table true to the cluster: watches, recomputes, applies; the rules are pure and beside it.

A pod's address is known before its first process runs: our CNI program (`cni_program.py`) announces it and waits until
the table holds it. With the enforcer away no pod starts.
"""

import http.client
import json
import queue
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from stockade_cluster.network_policy import Facts, Pod, render_ruleset
from stockade_cluster.places import API_PORT, NODE_ADDRESS, PKI, POLICY_SOCKET

PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
NAME = "network-policy"
WATCH_SECONDS = 300
RETRY_SECONDS = 0.5
RESYNC_SECONDS = 30.0
SETTLE_SECONDS = 0.05

Announced = dict[str, str]


def read_pods(items: list[dict[str, Any]], announced: Announced) -> list[Pod]:
    """The pods with an address of the pod network, known from their status or announced under their uid."""
    pods = []
    for item in items:
        metadata, spec, status = item["metadata"], item["spec"], item.get("status", {})
        address = status.get("podIP") or announced.get(metadata["uid"])
        # A finished pod's address may already be another's.
        if not address or spec.get("hostNetwork") or status.get("phase") in {"Succeeded", "Failed"}:
            continue
        containers = [*spec.get("initContainers", []), *spec["containers"]]
        ports = tuple(
            (port["name"], port.get("protocol", "TCP"), port["containerPort"])
            for container in containers
            for port in container.get("ports", [])
            if "name" in port
        )
        pods.append(Pod(metadata["namespace"], metadata["name"], metadata.get("labels") or {}, address, ports))
    return sorted(pods, key=lambda pod: (pod.namespace, pod.name))


class Enforcer:
    """The one writer of the table; woken by the watchers and by announcements."""

    def __init__(self) -> None:
        self.context = ssl.create_default_context(cafile=str(PKI / "ca.crt"))
        self.context.load_cert_chain(PKI / "network-policy.crt", PKI / "network-policy.key")
        self.announced: Announced = {}
        self.wakes: queue.Queue[threading.Event | None] = queue.Queue()
        self.applied = ""

    def connect(self, timeout_seconds: float) -> http.client.HTTPSConnection:
        """A connection to the API server, whose certificate is checked."""
        return http.client.HTTPSConnection(NODE_ADDRESS, API_PORT, context=self.context, timeout=timeout_seconds)

    def list_items(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind as the API server has it now."""
        connection = self.connect(20)
        try:
            connection.request("GET", PATHS[kind])
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"{kind}: {answer.status} {body[:200]!r}")
        items: list[dict[str, Any]] = json.loads(body)["items"]
        return items

    def watch(self, kind: str) -> None:
        """Wake the writer at each change of a kind, for ever; the writer lists anew, so no event's content matters."""
        while True:
            try:
                connection = self.connect(WATCH_SECONDS + 30)
                connection.request("GET", f"{PATHS[kind]}?watch=1&timeoutSeconds={WATCH_SECONDS}")
                answer = connection.getresponse()
                while answer.readline():
                    self.wakes.put(None)
            except (OSError, http.client.HTTPException) as error:
                print(f"watch of {kind}: {error}", flush=True)
            time.sleep(RETRY_SECONDS)

    def accept_announcements(self, listener: socket.socket) -> None:
        """Take `{"uid", "address"}` of a starting pod and answer once the table holds it."""
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        """Serve one announcement; without an answer the pod's start fails and is tried again."""
        with connection:
            connection.settimeout(20)
            try:
                message = json.loads(connection.recv(4096))
                self.announced[message["uid"]] = message["address"]
                done = threading.Event()
                self.wakes.put(done)
                if done.wait(15):
                    connection.sendall(b"ok")
            except (OSError, ValueError, KeyError) as error:
                print(f"announcement: {error}", flush=True)

    def apply(self) -> None:
        """Bring the table up to date with the cluster."""
        items = self.list_items("pods")
        alive = {item["metadata"]["uid"] for item in items}
        namespaces = {
            each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in self.list_items("namespaces")
        }
        facts = Facts(self.list_items("policies"), read_pods(items, self.announced), namespaces)
        ruleset = render_ruleset(facts)
        if ruleset != self.applied:
            subprocess.run(["nft", "-f", "-"], input=ruleset, text=True, check=True)
            self.applied = ruleset
        for uid in set(self.announced) - alive:
            del self.announced[uid]

    def run(self) -> None:
        """Apply at every wake and now and then; what fails is tried again, the old table stays in force."""
        waiting: list[threading.Event] = []
        while True:
            try:
                self._gather(waiting)
                self.apply()
            except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as error:
                print(f"apply: {error}", flush=True)
                time.sleep(RETRY_SECONDS)
                self.wakes.put(None)
                continue
            for event in waiting:
                event.set()
            waiting.clear()

    def _gather(self, waiting: list[threading.Event]) -> None:
        try:
            wake = self.wakes.get(timeout=RESYNC_SECONDS)
        except queue.Empty:
            return
        if wake is None:
            time.sleep(SETTLE_SECONDS)
        while True:
            if wake is not None:
                waiting.append(wake)
            try:
                wake = self.wakes.get_nowait()
            except queue.Empty:
                return


def main(path: Path = POLICY_SOCKET) -> None:
    """Run until ended."""
    enforcer = Enforcer()
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(64)
        threading.Thread(target=enforcer.accept_announcements, args=(listener,), daemon=True).start()
        for kind in PATHS:
            threading.Thread(target=enforcer.watch, args=(kind,), daemon=True).start()
        enforcer.wakes.put(None)
        enforcer.run()


if __name__ == "__main__":
    main()
