"""The cluster's one node, taken away for a while: drained as its administrator would, or its kubelet silenced."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stockade_cluster.places import NODE
from stockade_cluster.processes import find_pid
from tests.support.kubectl import Kubectl, condition
from tests.support.waiting import wait_until

LONGEST_SILENCE_SECONDS = 280
"""Below the 300 s after which Kubernetes would begin to evict every pod of the machine."""
_GUARD = """
import os, select, signal, sys
select.select([sys.stdin], [], [], float(sys.argv[2]))
os.kill(int(sys.argv[1]), signal.SIGCONT)
"""
"""Lets the kubelet go on once whoever holds the pipe closes it or has died, and at the latest after so long."""


def drain(kubectl: Kubectl, selector: str, timeout_seconds: int) -> subprocess.CompletedProcess[str]:
    """Drain the node of some pods with the command an administrator types; the node is left cordoned."""
    return kubectl.attempt(
        "drain",
        NODE,
        f"--pod-selector={selector}",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        f"--timeout={timeout_seconds}s",
    )


@contextmanager
def uncordoned_afterwards(kubectl: Kubectl) -> Iterator[None]:
    """Whatever happens, pods may be scheduled again."""
    try:
        yield
    finally:
        kubectl.run("uncordon", NODE)


@contextmanager
def silent_kubelet(kubectl: Kubectl) -> Iterator[None]:
    """Stop the node's kubelet in its tracks while its containers go on: for the API server the node is lost.

    It goes on afterwards whatever happens, also when this very process is killed; returns once all is as before.
    """
    pid = find_pid("kubelet")
    assert pid is not None, "no kubelet of the local cluster runs"
    guard = subprocess.Popen(
        [sys.executable, "-c", _GUARD, str(pid), str(LONGEST_SILENCE_SECONDS)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert guard.stdin is not None
    try:
        os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        guard.stdin.close()
        guard.wait(30)
    wait_until(
        lambda: condition(kubectl.get("node", NODE), "Ready").get("status"),
        "the node to be Ready again",
        holds=lambda seen: seen == "True",
        deadline_seconds=120,
    )


class PodWatch:
    """Every state of some pods that the API server had, from a watch of its own."""

    def __init__(self, kubectl: Kubectl, namespace: str, selector: str) -> None:
        words = ["get", "pods", "-n", namespace, "-l", selector, "--watch", "--output-watch-events", "-o", "json"]
        # Into a file, which `stop` closes: a pipe that nobody reads would hold the watch up.
        self._seen = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig), *words], stdout=self._seen
        )

    def stop(self) -> list[tuple[str, dict[str, Any]]]:
        """End the watch and return what it saw, in order: the kind of each event and the pod."""
        self._process.terminate()
        self._process.wait(30)
        with self._seen:
            self._seen.seek(0)
            lines = [json.loads(line) for line in self._seen if line.endswith("\n")]
        return [(event["type"], event["object"]) for event in lines if event]


def find_lives(seen: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return the uids of the pods in the order they were made, once each was certain to have ended before the next."""
    lives: list[str] = []
    last: dict[str, tuple[str, dict[str, Any]]] = {}
    for kind, pod in seen:
        uid = pod["metadata"]["uid"]
        if uid not in last:
            for before in lives:
                assert last[before][0] == "DELETED", f"pod {before} was there when {uid} was made"
                assert runs(last[before][1]) == [], f"pod {before} was let go while it ran"
            lives.append(uid)
        last[uid] = kind, pod
    return lives


def runs(pod: dict[str, Any]) -> list[str]:
    """Return the names of a pod's containers that are not known to have ended."""
    status = pod["status"]
    listed = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return [each["name"] for each in listed if "terminated" not in each["state"]]
