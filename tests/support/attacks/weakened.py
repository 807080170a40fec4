"""The pods of the suite's stages: the operator's own pod, each with one defence taken away, and one with none at all.

Pure. They lack the label by which the admission policies know an algorithm's pod, and live in namespaces of the
suite's.
"""

import copy
from collections.abc import Callable
from typing import Any

from stockade_cluster.places import RUN
from tests.support.attacks.expectation import Defence

HARDENED, USER_NAMESPACE, PLAIN, PRIVILEGED = "hardened", "user-namespace", "plain", "privileged"
BARE_STAGES = (PLAIN, PRIVILEGED)
REMOVED_STAGES = tuple(str(defence) for defence in Defence if defence is not Defence.OUTSIDE)
KEYS_SECRET = "paper-keys-1"
RUNTIME_SOCKETS = "/run/stockade-containerd"
SCRIPTS = "/algorithm"
PYTHON = "/opt/stockade/bin/python"
LEAVE = (PYTHON, "-I", "-B", f"{SCRIPTS}/leave_things_behind.py")
START_RUNNER = "import os, sys; from stockade_runner.main import run; sys.exit(run(os.environ))"
WEAK_LAUNCHERS = "/weak"
LEFT_OUT: dict[str, tuple[str, ...]] = {
    Defence.FILTER: ("SECCOMP",),
    Defence.LANDLOCK: ("LANDLOCK",),
    Defence.HYGIENE: ("LIMITS", "DESCRIPTORS", "ENVIRONMENT"),
}
"""Stages whose launcher is compiled without some of its steps, and without the self-test that would miss them."""
FROM_THE_CLUSTER = ("nodeName", "serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy")
Manifest = dict[str, Any]


def make_stage_pod(stage: str, live: Manifest, name: str, namespace: str) -> Manifest:
    """Return the pod of a stage, made from a live one of the operator's; a ConfigMap of the same name is its source."""
    spec = copy.deepcopy(live["spec"])
    for field in FROM_THE_CLUSTER:
        spec.pop(field, None)
    spec["terminationGracePeriodSeconds"] = 1
    next(volume for volume in spec["volumes"] if volume["name"] == "algorithm")["configMap"]["name"] = name
    for container in (gateway_of(spec), algorithm_of(spec)):
        container["resources"]["requests"] = {"cpu": "10m", "memory": "32Mi"}
        for entry in container["env"]:
            if entry["name"] in {"STOCKADE_ALGORITHM", "STOCKADE_NAMESPACE"}:
                entry["value"] = name if entry["name"] == "STOCKADE_ALGORITHM" else namespace
    WEAKENINGS[stage](spec)
    metadata = live["metadata"]
    labels = {key: text for key, text in metadata["labels"].items() if not key.endswith(("part-of", "managed-by"))}
    made = {"name": name, "namespace": namespace, "labels": labels, "annotations": metadata["annotations"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}


def gateway_of(spec: Manifest) -> Manifest:
    """Return the gateway's container."""
    found: Manifest = spec["initContainers"][0]
    return found


def algorithm_of(spec: Manifest) -> Manifest:
    """Return the algorithm's container."""
    found: Manifest = spec["containers"][0]
    return found


def _mount_everything(spec: Manifest) -> None:
    """What a pod looks like whose author mounts what there is, as most examples on the web do."""
    algorithm, gateway = algorithm_of(spec), gateway_of(spec)
    own = [mount for mount in algorithm["volumeMounts"] if mount["mountPath"] == SCRIPTS]
    of_gateway = [
        {"name": mount["name"], "mountPath": mount["mountPath"]}
        for mount in gateway["volumeMounts"]
        if mount["mountPath"] in {"/run/stockade", "/keys", "/ledger", "/control", "/journal"}
    ]
    scratch = {"name": "algorithm-tmp", "mountPath": "/tmp"}
    runtime = {"name": "runtime", "mountPath": RUNTIME_SOCKETS}
    algorithm["volumeMounts"] = [*own, *of_gateway, scratch, runtime]
    gateway["volumeMounts"] = [mount for mount in gateway["volumeMounts"] if mount["mountPath"] != "/dev/shm"]
    for volume in spec["volumes"]:
        volume.get("emptyDir", {}).pop("sizeLimit", None)
    spec["volumes"].append({"name": "runtime", "hostPath": {"path": str(RUN)}})
    reference = {"secretKeyRef": {"name": KEYS_SECRET, "key": "apiSecret"}}
    algorithm["env"].append({"name": "STOCKADE_API_SECRET", "valueFrom": reference})
    algorithm.get("securityContext", {})["readOnlyRootFilesystem"] = False


def _share_everything(spec: Manifest) -> None:
    spec["shareProcessNamespace"] = True
    spec["automountServiceAccountToken"] = True
    spec["enableServiceLinks"] = True


def _be_root(spec: Manifest) -> None:
    spec["securityContext"].pop("runAsNonRoot")
    algorithm_of(spec)["securityContext"] |= {
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": True,
        "capabilities": {},
    }


def _be_plain(spec: Manifest) -> None:
    spec["securityContext"] = {}
    for container in (gateway_of(spec), algorithm_of(spec)):
        container["securityContext"] = {"runAsUser": 0}
    _mount_everything(spec)
    _share_everything(spec)
    algorithm, gateway = algorithm_of(spec), gateway_of(spec)
    algorithm["command"] = [*LEAVE, PYTHON, f"{SCRIPTS}/algorithm.py"]
    gateway["image"] = algorithm["image"]
    gateway["args"] = []
    gateway["command"] = ["python", f"{SCRIPTS}/naive_gateway.py"]
    gateway["volumeMounts"].append({"name": "algorithm", "mountPath": SCRIPTS})
    gateway.pop("livenessProbe")


def _be_privileged(spec: Manifest) -> None:
    _be_plain(spec)
    algorithm_of(spec)["securityContext"]["privileged"] = True


def _launch_nothing(spec: Manifest) -> None:
    algorithm_of(spec)["command"] = [*LEAVE, PYTHON, "-I", "-B", f"{SCRIPTS}/algorithm.py"]


def _launch_less(spec: Manifest) -> None:
    """Start as the image does, by the launcher that lies beside the source."""
    name = next(volume for volume in spec["volumes"] if volume["name"] == "algorithm")["configMap"]["name"]
    files = {"name": f"{name}-launcher", "defaultMode": 0o555}
    spec["volumes"].append({"name": "weak-launcher", "configMap": files})
    algorithm = algorithm_of(spec)
    algorithm["volumeMounts"].append({"name": "weak-launcher", "mountPath": WEAK_LAUNCHERS, "readOnly": True})
    algorithm["command"] = [*LEAVE, f"{WEAK_LAUNCHERS}/launcher", PYTHON, "-I", "-B", "-c", START_RUNNER]


def _launch_carelessly(spec: Manifest) -> None:
    _launch_less(spec)
    command = algorithm_of(spec)["command"]
    del command[command.index("-I", len(LEAVE))]


def _weaken_gateway(spec: Manifest) -> None:
    gateway = gateway_of(spec)
    gateway["command"] = ["python", "-B", f"{SCRIPTS}/weak_gateway.py"]
    gateway["volumeMounts"].append({"name": "algorithm", "mountPath": SCRIPTS, "readOnly": True})


def _map_users(spec: Manifest) -> None:
    spec["hostUsers"] = False


WEAKENINGS: dict[str, Callable[[Manifest], None]] = {
    PLAIN: _be_plain,
    PRIVILEGED: _be_privileged,
    USER_NAMESPACE: _map_users,
    Defence.LAUNCHER: _launch_nothing,
    Defence.FILTER: _launch_less,
    Defence.LANDLOCK: _launch_less,
    Defence.HYGIENE: _launch_carelessly,
    Defence.MOUNTS: _mount_everything,
    Defence.SEPARATION: _share_everything,
    Defence.IDENTITY: _be_root,
    Defence.GATEWAY: _weaken_gateway,
}


def copy_into(manifest: Manifest, namespace: str) -> Manifest:
    """Return the object as a new one of another namespace."""
    made = copy.deepcopy(manifest)
    made["metadata"] = {"name": made["metadata"]["name"], "namespace": namespace}
    return made
