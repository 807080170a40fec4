"""Stands in for a node: gives pods an address, runs a gateway's status page for each, and ends them when deleted.

It does what a kubelet does to the API server: status with running and terminated containers, the last deletion.
"""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

NODE = "node-1"
PAUSE_SECONDS = 0.1
ALGORITHM_REPORT = {
    "controlGeneration": 1,
    "trading": "Active",
    "connected": True,
    "reconciled": True,
    "lastReconciledTime": "2026-01-01T00:00:00Z",
    "algorithmState": "Running",
    "fault": None,
    "openOrders": 0,
    "positions": {},
    "positionNotional": "0",
    "realizedPnlToday": "0",
    "feesToday": "0",
    "quoteAsset": "USDT",
    "withinLimits": True,
    "limitBreached": None,
    "keyVersion": "ab12cd34",
    "ledger": {"spooled": 0, "lastWrittenTime": None, "error": None},
    "reason": None,
}
ACCOUNT_REPORT = {
    "environment": "Paper",
    "controlGeneration": 1,
    "keyVersion": "ab12cd34",
    "permissions": {"canTrade": True, "canWithdraw": False, "ipRestricted": True},
    "weightUsed": 10,
    "connected": True,
    "message": None,
}

Manifest = dict[str, Any]


class FakeKubelet:
    """Plays the kubelet of one node for every pod of the tenants."""

    def __init__(self, client: httpx.Client) -> None:
        self.algorithm_report: Manifest = deepcopy(ALGORITHM_REPORT)
        self.account_report: Manifest = deepcopy(ACCOUNT_REPORT)
        self.on_stop: Manifest = {"action": "CancelOrders", "result": "Done", "message": "2 orders cancelled"}
        self.answers = True
        """False is a node that is cut off: it neither starts nor ends anything."""
        self.pods_seen: dict[str, list[str]] = {}
        """The uids of the pods that were started under each name, in order."""
        self.overlaps: list[str] = []
        """Names under which a second pod was started while the first one still ran."""
        self.controls_to_miss = 0
        """How many changes of pods' annotations from now on are missed, as a busy kubelet can miss one."""
        self._annotations: dict[str, Manifest] = {}
        self._controls: dict[str, Manifest] = {}
        """What each pod's gateway goes by."""
        self._client = client
        self._ending = threading.Event()
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self._running: dict[str, str] = {}

    @contextmanager
    def reporting(self, **changes: Any) -> Iterator[None]:
        """Have every algorithm's gateway report something else for a while."""
        before = self.algorithm_report
        self.algorithm_report = {**before, **changes}
        try:
            yield
        finally:
            self.algorithm_report = before

    @contextmanager
    def reporting_account(self, **changes: Any) -> Iterator[None]:
        """Have every account's gateway report something else for a while."""
        before = self.account_report
        self.account_report = {**before, **changes}
        try:
            yield
        finally:
            self.account_report = before

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Have the node answer nobody for a while."""
        self.answers = False
        try:
            yield
        finally:
            self.answers = True

    def run(self) -> None:
        """Work until `stop`."""
        while not self._ending.wait(PAUSE_SECONDS):
            if self.answers:
                try:
                    self._look()
                except httpx.TransportError:
                    continue
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._ending.set()

    def _look(self) -> None:
        for pod in self._client.get("/api/v1/pods").json()["items"]:
            metadata = pod["metadata"]
            if "deletionTimestamp" in metadata:
                self._end(pod)
            elif not pod["spec"].get("nodeName"):
                self._bind(pod)
            elif pod.get("status", {}).get("phase") == "Pending":
                self._render_control(pod)
                self._start(pod)
            else:
                self._render_control(pod)

    def _render_control(self, pod: Manifest) -> None:
        uid, annotations = pod["metadata"]["uid"], pod["metadata"].get("annotations", {})
        if self._annotations.get(uid) == annotations:
            return
        self._annotations[uid] = annotations
        if self.controls_to_miss:
            self.controls_to_miss -= 1
            return
        control = json.loads(annotations.get("stockade.dev/control", "{}"))
        if control:
            switches = control["trading"], control.get("account", {}).get("trading", "Active")
            trading = max(switches, key=("Active", "Reducing", "Halted").index)
            self._controls[uid] = {"controlGeneration": control["generation"], "trading": trading}

    def _bind(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        self._client.post(f"{_path(pod)}/binding", json=binding)

    def _start(self, pod: Manifest) -> None:
        name, uid = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", pod["metadata"]["uid"]
        if self._running.get(name) not in {None, uid}:
            self.overlaps.append(name)
        self._running[name] = uid
        started = self.pods_seen.setdefault(name, [])
        if uid not in started:
            started.append(uid)
        status = {"phase": "Running", **_describe_containers(pod, {"running": {"startedAt": "2026-01-01T00:00:00Z"}})}
        status["podIP"] = self._serve(pod)
        status["podIPs"] = [{"ip": status["podIP"]}]
        self._patch_status(pod, status)

    def _end(self, pod: Manifest) -> None:
        name, uid = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", pod["metadata"]["uid"]
        if pod["spec"].get("nodeName") and pod["status"].get("phase") not in {"Succeeded", "Failed"}:
            message = json.dumps({"onStop": self.on_stop})
            end = {"terminated": {"exitCode": 0, "reason": "Completed", "message": message}}
            self._patch_status(pod, {"phase": "Succeeded", **_describe_containers(pod, end)})
        if self._running.get(name) == uid:
            del self._running[name]
        server = self._servers.pop(uid, None)
        if server is not None:
            server.shutdown()
            server.server_close()
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        self._client.request("DELETE", _path(pod), json=body)

    def _serve(self, pod: Manifest) -> str:
        uid = pod["metadata"]["uid"]
        known = self._servers.get(uid)
        if known is not None:
            return str(known.server_address[0])
        is_algorithm = pod["metadata"]["labels"]["app.kubernetes.io/name"] == "algorithm"
        kubelet = self

        class Status(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                report = kubelet.algorithm_report if is_algorithm else kubelet.account_report
                body = json.dumps({**report, **kubelet._controls.get(uid, {})}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                pass

        server = _listen_on_a_free_address(8081 if is_algorithm else 8080, Status)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._servers[uid] = server
        return str(server.server_address[0])

    def _patch_status(self, pod: Manifest, status: Manifest) -> None:
        self._client.patch(
            f"{_path(pod)}/status",
            json={"metadata": {"uid": pod["metadata"]["uid"]}, "status": status},
            headers={"Content-Type": "application/merge-patch+json"},
        )


@contextmanager
def run_fake_kubelet(client: httpx.Client) -> Iterator[FakeKubelet]:
    """Run one in a thread."""
    kubelet = FakeKubelet(client)
    thread = threading.Thread(target=kubelet.run)
    thread.start()
    try:
        yield kubelet
    finally:
        kubelet.stop()
        thread.join(timeout=60)


def _listen_on_a_free_address(port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Listen on the pod's own port at one of the many loopback addresses.

    It is picked at random: an operator may still ask at the address of a pod that has just gone, here or beside us.
    """
    for _ in range(1000):
        address = f"127.{64 + secrets.randbelow(64)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(250)}"
        try:
            return ThreadingHTTPServer((address, port), handler)
        except OSError:
            continue
    raise AssertionError("no free loopback address")


def _describe_containers(pod: Manifest, state: Manifest) -> Manifest:
    runs = "running" in state

    def describe(container: Manifest) -> Manifest:
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": runs,
            "started": runs,
            "restartCount": 0,
            "state": state,
        }

    return {
        "initContainerStatuses": [describe(each) for each in pod["spec"].get("initContainers", [])],
        "containerStatuses": [describe(each) for each in pod["spec"]["containers"]],
    }


def _path(pod: Manifest) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
