"""Starts the cluster's parts in order and says whether they run; what each is given stands in `configuration.py`."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stockade_cluster import processes
from stockade_cluster.certificates import issue_certificates
from stockade_cluster.commands import run, succeeds
from stockade_cluster.configuration import (
    cni_config,
    component_commands,
    containerd_config,
    kubeconfig,
    kubelet_config,
)
from stockade_cluster.control_groups import create_groups
from stockade_cluster.errors import StartError
from stockade_cluster.name_server import name_server_objects, policy_reader_objects
from stockade_cluster.network import create_network, inside
from stockade_cluster.network_policy_enforcer import NAME as ENFORCER
from stockade_cluster.places import (
    CNI_PROGRAMS,
    CONFIGURATION,
    CONTAINERD_SOCKET,
    DATA,
    NODE,
    OWNER,
    PKI,
    POLICY_SOCKET,
    RUN,
    STARTED,
)
from stockade_cluster.programs import find_program
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

DEADLINE_SECONDS = 180.0
COMPONENT_USERS = ("controller-manager", "scheduler", "proxy", "kubelet")


def start_cluster(settings: Settings, progress: Progress, pause_image: str) -> None:
    """Start everything up to an API server and a container runtime that answer, and a kubelet that registers."""
    logs = settings.state / "logs"
    with progress.step("cluster", "starting Kubernetes", "Kubernetes answers"):
        RUN.mkdir(mode=0o755, exist_ok=True)
        OWNER.write_text(str(settings.checkout))
        DATA.mkdir(mode=0o711, parents=True, exist_ok=True)
        create_network()
        create_groups()
        issue_certificates(PKI)
        write_configuration(settings, pause_image)
        commands = component_commands(settings.programs)
        # containerd finds its shim and the shim its runc on PATH.
        path = f"{settings.programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        for name in ("etcd", "kube-apiserver", "containerd"):
            processes.start(name, inside(commands[name]), logs, {"PATH": path})
        wait_for("kube-apiserver", lambda: succeeds(kubectl(settings, "get", "--raw", "/readyz")), logs)
        apply_objects(settings, policy_reader_objects())
        folder = Path(__file__).parent
        enforcer = [sys.executable, "-m", "stockade_cluster.network_policy_enforcer"]
        processes.start(ENFORCER, inside(enforcer), logs, {"PATH": path, "PYTHONPATH": str(folder.parent)})
        wait_for(ENFORCER, POLICY_SOCKET.exists, logs)
        wait_for("containerd", lambda: succeeds(ctr(settings, "version")), logs)
        for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"):
            processes.start(name, inside(commands[name]), logs, {"PATH": path})


def finish_start(settings: Settings, progress: Progress, name_server_image: str) -> None:
    """Wait until the node is Ready and names resolve; the images of both system pods have to be loaded."""
    logs = settings.state / "logs"
    with progress.step("cluster", "waiting for the node and its name server", "node Ready, names resolve"):
        apply_objects(settings, name_server_objects(name_server_image))
        wait_for("kubelet", lambda: node_is_ready(settings), logs)
        wait_for("kubelet", lambda: deployment_is_ready(settings, "kube-system", "coredns"), logs)
        STARTED.write_text("")


def write_configuration(settings: Settings, pause_image: str) -> None:
    """Write every file the parts read, and the kubeconfig of whoever typed `make up`."""
    (CONFIGURATION / "cni").mkdir(parents=True, exist_ok=True)
    (CONFIGURATION / "containerd.toml").write_text(containerd_config(pause_image, settings.programs))
    (CONFIGURATION / "cni" / "10-stockade.conflist").write_text(cni_config())
    (CONFIGURATION / "kubelet.json").write_text(kubelet_config())
    for user in COMPONENT_USERS:
        _write_kubeconfig(CONFIGURATION / f"{user}.kubeconfig", user)
    settings.state.mkdir(exist_ok=True)
    _write_kubeconfig(settings.state / "kubeconfig", "admin")
    CNI_PROGRAMS.mkdir(exist_ok=True)
    program = CNI_PROGRAMS / "stockade-policy"
    source = Path(__file__).parent / "cni_program.py"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -I -S {CNI_PROGRAMS}/announce.py {POLICY_SOCKET}\n")
    program.chmod(0o755)
    shutil.copyfile(source, CNI_PROGRAMS / "announce.py")


def _write_kubeconfig(path: Path, user: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(kubeconfig(*((PKI / name).read_bytes() for name in ("ca.crt", f"{user}.crt", f"{user}.key"))))


def kubectl(settings: Settings, *arguments: str) -> list[str]:
    """The command line of a kubectl call against the run's cluster."""
    return [find_program(settings, "kubectl") or "kubectl", "--kubeconfig", str(settings.kubeconfig), *arguments]


def ctr(settings: Settings, *arguments: str) -> list[str]:
    """The command line of a call of the local container runtime."""
    return [str(settings.programs / "ctr"), "--address", str(CONTAINERD_SOCKET), "--namespace", "k8s.io", *arguments]


def apply_objects(settings: Settings, objects: list[dict[str, Any]], manager: str = "make-up") -> None:
    """Server-side apply, as `make up` itself or in the name of another field manager."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    command = kubectl(settings, "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-")
    run(command, input_text=text)


def get_object(settings: Settings, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
    """One object, or None if there is none."""
    where = ["--namespace", namespace] if namespace else []
    text = run(kubectl(settings, "get", kind, name, *where, "--ignore-not-found", "--output=json"))
    found: dict[str, Any] | None = json.loads(text) if text.strip() else None
    return found


def node_is_ready(settings: Settings) -> bool:
    """Whether the one node is Ready."""
    return has_condition(get_object(settings, "node", NODE), "Ready")


def deployment_is_ready(settings: Settings, namespace: str, name: str) -> bool:
    """Whether every replica of a Deployment's newest version is ready."""
    found = get_object(settings, "deployment", name, namespace) or {}
    status, wanted = found.get("status", {}), found.get("spec", {}).get("replicas", 1)
    newest = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
    return bool(newest and status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == wanted)


def has_condition(found: dict[str, Any] | None, kind: str) -> bool:
    """Whether a condition of an object is True."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def wait_for(name: str, ready: Callable[[], bool], logs: Path, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until a part is ready; StartError at once when its process ends, or at the deadline."""
    deadline = time.monotonic() + deadline_seconds
    while not ready():
        processes.require_running(name, logs)
        if time.monotonic() > deadline:
            raise StartError(f"{name} was not ready within {deadline_seconds:.0f} s; see {logs / name}.log.")
        time.sleep(0.2)
