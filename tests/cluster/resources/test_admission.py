"""The API server refuses an algorithm's pod that lacks one piece of hardening, and whoever is not the operator.

The good pod is the one that the operator really makes; each case spoils one thing in it. Nothing is started: pods are
created as a trial, and the one that is changed asks for a node that does not exist.
"""

import copy
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from stockade_operator.manifests.algorithm_pod import PodInputs, make_pod
from stockade_operator.manifests.exchange import Exchange
from tests.support.good_objects import LEAVE_OUT, spoil
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM

OPERATOR = f"--as=system:serviceaccount:{PLATFORM}:stockade-operator"
ALGORITHM = "spec.containers.algorithm"
GATEWAY = "spec.initContainers.gateway"


def make_good_pod(namespace: str, registry: str) -> dict[str, Any]:
    """Return the operator's own pod without an owner, so that neither operator nor garbage collector cares for it."""
    pod = make_pod(
        PodInputs(
            tenant="trial",
            namespace=namespace,
            algorithm="trial",
            uid="0d5a0f0e-0000-4000-8000-000000000000",
            account="paper",
            environment="Paper",
            keys_secret="paper-keys-1",
            exchange=Exchange("http://x:9000", "ws://x:9000/ws-api/v3", "ws://x:9000"),
            own_endpoints=False,
            version=1,
            version_hash="0" * 16,
            symbols=("BTCUSDT",),
            entrypoint="",
            cpu="100m",
            memory="64Mi",
            runtime_class=None,
            code_image=None,
            gateway_image=f"{registry}/gateway:trial",
            algorithm_image=f"{registry}/algorithm:trial",
            image_pull_policy="IfNotPresent",
        ),
        control="{}",
    )
    pod["metadata"] = {
        key: value for key, value in pod["metadata"].items() if key not in {"ownerReferences", "finalizers"}
    }
    pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "test"
    pod["spec"]["nodeSelector"] = {"stockade.dev/no-such-node": "true"}
    return pod


BY_PAIR = {"automountServiceAccountToken: write false", "privileged: leave it out"}
"""Rules that can only be broken together with another one."""
SPOILED: list[tuple[str, dict[str, object], set[str]]] = [
    ("a second container", {"spec.containers.1": {"name": "more", "image": "x"}}, {"containers: exactly one"}),
    ("another name", {f"{ALGORITHM}.name": "main"}, {"containers: exactly one"}),
    ("no gateway", {"spec.initContainers": []}, {"containers: exactly one"}),
    (
        "a gateway that ends",
        {
            f"{GATEWAY}.{part}": LEAVE_OUT
            for part in ("restartPolicy", "startupProbe", "readinessProbe", "livenessProbe")
        },
        {"containers: exactly one"},
    ),
    ("the host's network", {"spec.hostNetwork": True}, {"hostNetwork: leave it out"}),
    ("the host's processes", {"spec.hostPID": True}, {"hostPID and hostIPC"}),
    ("the host's memory", {"spec.hostIPC": True}, {"hostPID and hostIPC"}),
    ("shared processes", {"spec.shareProcessNamespace": True}, {"shareProcessNamespace: write false"}),
    # The API server itself mounts a token where nothing forbids it, so the pod then breaks two rules.
    (
        "a token",
        {"spec.automountServiceAccountToken": True},
        {"automountServiceAccountToken: write false", "volumes: only", "volumeMounts:"},
    ),
    ("service links", {"spec.enableServiceLinks": True}, {"enableServiceLinks: write false"}),
    (
        "a path of the host",
        {"spec.volumes.run": {"name": "run", "hostPath": {"path": "/"}}},
        {"volumes: only emptyDir"},
    ),
    ("perhaps root", {"spec.securityContext.runAsNonRoot": LEAVE_OUT}, {"runAsNonRoot: write true"}),
    (
        "a container that may be root",
        {f"{ALGORITHM}.securityContext.runAsNonRoot": False},
        {"runAsNonRoot: write true"},
    ),
    ("the gateway's user", {f"{ALGORITHM}.securityContext.runAsUser": 10001}, {"runAsUser and runAsGroup"}),
    ("the algorithm's group", {f"{GATEWAY}.securityContext.runAsGroup": 10002}, {"runAsUser and runAsGroup"}),
    ("no seccomp", {"spec.securityContext.seccompProfile": LEAVE_OUT}, {"seccompProfile: write type RuntimeDefault"}),
    (
        "a container without seccomp",
        {f"{ALGORITHM}.securityContext.seccompProfile": {"type": "Unconfined"}},
        {"seccompProfile: write type RuntimeDefault"},
    ),
    (
        "escalation",
        {f"{ALGORITHM}.securityContext.allowPrivilegeEscalation": True},
        {"allowPrivilegeEscalation: write false"},
    ),
    (
        "privilege",
        {
            f"{ALGORITHM}.securityContext.privileged": True,
            f"{ALGORITHM}.securityContext.allowPrivilegeEscalation": LEAVE_OUT,
        },
        {"privileged: leave it out", "allowPrivilegeEscalation: write false"},
    ),
    ("kept capabilities", {f"{GATEWAY}.securityContext.capabilities": LEAVE_OUT}, {"capabilities: drop ALL"}),
    (
        "an added capability",
        {f"{ALGORITHM}.securityContext.capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}},
        {"capabilities: drop ALL"},
    ),
    (
        "a writable root",
        {f"{ALGORITHM}.securityContext.readOnlyRootFilesystem": False},
        {"readOnlyRootFilesystem: write"},
    ),
    (
        "an open /proc",
        {"spec.hostUsers": False, f"{ALGORITHM}.securityContext.procMount": "Unmasked"},
        {"procMount: leave it out"},
    ),
    ("no limits", {f"{ALGORITHM}.resources": LEAVE_OUT}, {"limits: write cpu and memory"}),
    ("a gateway without limits", {f"{GATEWAY}.resources": {"limits": {"cpu": "1"}}}, {"limits: write cpu and memory"}),
    ("a user's image", {f"{ALGORITHM}.image": "r.example/mine:1"}, {"image: the algorithm's container runs"}),
    ("no launcher", {f"{ALGORITHM}.command": ["python"]}, {"command and args: leave them out"}),
    (
        "a Secret in the environment",
        {
            f"{ALGORITHM}.env.0": {
                "name": "KEY",
                "valueFrom": {"secretKeyRef": {"name": "paper-keys-1", "key": "apiKey"}},
            }
        },
        {"env: the algorithm's environment is plain text"},
    ),
    (
        "a Secret as environment",
        {f"{ALGORITHM}.envFrom": [{"secretRef": {"name": "paper-keys-1"}}]},
        {"env: the algorithm's environment is plain text"},
    ),
    (
        "a Secret as a file",
        {"spec.volumes.algorithm": {"name": "algorithm", "secret": {"secretName": "paper-keys-1"}}},
        {"volumeMounts: the algorithm mounts no Secret and no control"},
    ),
    (
        "the gateway's journal",
        {f"{ALGORITHM}.volumeMounts.algorithm": {"name": "journal", "mountPath": "/algorithm", "readOnly": True}},
        {"volumeMounts: gateway and algorithm share /run/stockade and nothing else"},
    ),
    (
        "a writable ring",
        {f"{ALGORITHM}.volumeMounts.run": {"name": "run", "mountPath": "/run/stockade"}},
        {"writes to /tmp"},
    ),
    (
        "writable code",
        {f"{ALGORITHM}.volumeMounts.algorithm.readOnly": LEAVE_OUT},
        {"writes to /tmp and /dev/shm only"},
    ),
]


@pytest.fixture(scope="module")
def registry(kubectl: Kubectl) -> str:
    """Where the installed platform's images are, as the operator was told."""
    operator = kubectl.get("deployment", "stockade-operator", PLATFORM)
    assert operator is not None, "the platform is not installed: `make up`"
    environment = {
        entry["name"]: entry.get("value") for entry in operator["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    return str(environment["STOCKADE_ALGORITHM_IMAGE"]).rpartition("/algorithm")[0]


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace with the label of a tenant's, and without Pod Security, which would refuse some pods first."""
    name = f"admission-{secrets.token_hex(3)}"
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"stockade.dev/tenant": "trial"}},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}},
    )
    try:
        yield name
    finally:
        kubectl.delete("namespace", name, wait=False)


@pytest.fixture(scope="module")
def good_pod(namespace: str, registry: str) -> dict[str, Any]:
    """The pod that every case starts from."""
    return make_good_pod(namespace, registry)


@pytest.fixture(scope="module")
def live_pod(kubectl: Kubectl, good_pod: dict[str, Any]) -> dict[str, Any]:
    """A pod that exists and waits for a node for ever."""
    kubectl.run("create", OPERATOR, "-f", "-", stdin=json.dumps(good_pod))
    return good_pod


def create(kubectl: Kubectl, pod: dict[str, Any], *options: str) -> str:
    """Create a pod as a trial and return what the API server said against it, or nothing."""
    done = kubectl.attempt("create", "--dry-run=server", *options, "-f", "-", stdin=json.dumps(pod))
    return done.stderr if done.returncode else ""


def change(kubectl: Kubectl, pod: dict[str, Any], patch: dict[str, Any], *options: str) -> str:
    """Patch a pod as a trial and return what the API server said against it, or nothing."""
    where = ("-n", pod["metadata"]["namespace"], "--type=merge", "-p", json.dumps(patch))
    done = kubectl.attempt("patch", "pod", pod["metadata"]["name"], "--dry-run=server", *where, *options)
    return done.stderr if done.returncode else ""


def test_the_operators_pod_is_taken(kubectl: Kubectl, good_pod: dict[str, Any]) -> None:
    assert create(kubectl, good_pod, OPERATOR) == ""


@pytest.mark.parametrize(("changes", "messages"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_a_pod_without_one_piece_of_hardening_is_refused(
    kubectl: Kubectl, good_pod: dict[str, Any], changes: dict[str, object], messages: set[str]
) -> None:
    pod = copy.deepcopy(good_pod)
    for path, value in changes.items():
        pod = spoil(pod, path, value)
    said = create(kubectl, pod, OPERATOR)
    assert "stockade-algorithm-pod-hardening" in said
    assert [message for message in messages if message in said], said


def test_every_rule_of_the_policy_has_a_pod_that_breaks_it(kubectl: Kubectl) -> None:
    policy = kubectl.get("validatingadmissionpolicy", "stockade-algorithm-pod-hardening")
    assert policy is not None
    tried = {message for _, _, messages in SPOILED for message in messages if len(messages) == 1 or message in BY_PAIR}
    rules = [rule["message"] for rule in policy["spec"]["validations"]]
    assert [rule for rule in rules if not any(message in rule for message in tried)] == []


def test_an_administrator_makes_no_algorithm_pod(kubectl: Kubectl, good_pod: dict[str, Any]) -> None:
    assert "is made by the operator: write an Algorithm instead" in create(kubectl, good_pod)


def test_a_pod_that_is_none_of_ours_is_nobodys_business(kubectl: Kubectl, good_pod: dict[str, Any]) -> None:
    assert create(kubectl, spoil(good_pod, "metadata.labels", {"app.kubernetes.io/name": "algorithm"})) == ""


def test_the_operator_moves_the_control(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    assert change(kubectl, live_pod, {"metadata": {"annotations": {"stockade.dev/control": "[]"}}}, OPERATOR) == ""


def test_nobody_else_moves_the_control(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    said = change(kubectl, live_pod, {"metadata": {"annotations": {"stockade.dev/control": "[]"}}})
    assert "annotations: they control the gateway" in said


@pytest.mark.parametrize("who", [OPERATOR, "--as-group=system:masters"])
def test_a_running_pod_gets_no_other_image(kubectl: Kubectl, live_pod: dict[str, Any], who: str) -> None:
    options = [who] if who == OPERATOR else ["--as=somebody", who]
    containers = [{**live_pod["spec"]["containers"][0], "image": "r.example/mine:1"}]
    assert "never changes; change the Algorithm" in change(
        kubectl, live_pod, {"spec": {"containers": containers}}, *options
    )


def test_a_pod_does_not_lose_the_label_it_is_watched_by(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    patch = {"metadata": {"labels": {"app.kubernetes.io/name": None}}}
    assert "labels: those of an algorithm's pod never change" in change(kubectl, live_pod, patch)


def test_kubelet_and_garbage_collector_go_on_working(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    name, where = live_pod["metadata"]["name"], live_pod["metadata"]["namespace"]
    status = json.dumps({"status": {"message": "a kubelet's word"}})
    trial = ("-n", where, "--dry-run=server")
    kubectl.run("patch", "pod", name, *trial, "--subresource=status", "--type=merge", "-p", status)
    kubectl.run(
        "patch", "pod", name, *trial, "--type=merge", "-p", json.dumps({"metadata": {"finalizers": ["a.example/b"]}})
    )
    kubectl.run("delete", "pod", name, *trial)


def test_no_ephemeral_container_sits_beside_the_keys(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    where = ("-n", live_pod["metadata"]["namespace"])
    done = kubectl.attempt(
        "debug", live_pod["metadata"]["name"], *where, "--image=r.example/tool:1", "--target=gateway"
    )
    assert "ephemeral containers: not in a pod that holds exchange keys" in done.stderr


@pytest.mark.parametrize("act", ["exec", "attach"])
def test_nobody_enters_the_gateway(kubectl: Kubectl, live_pod: dict[str, Any], act: str) -> None:
    command = ["--", "id"] if act == "exec" else []
    where = ("-n", live_pod["metadata"]["namespace"], "-c", "gateway")
    done = kubectl.attempt(act, live_pod["metadata"]["name"], *where, *command)
    assert "only into the container algorithm; the gateway holds the exchange keys" in done.stderr


def test_the_algorithms_own_container_may_be_entered(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    where = ("-n", live_pod["metadata"]["namespace"], "-c", "algorithm")
    done = kubectl.attempt("exec", live_pod["metadata"]["name"], *where, "--", "id")
    # The pod has no node, so nothing runs; what counts is that no policy was in the way.
    assert done.returncode != 0
    assert "stockade-entry" not in done.stderr


def test_nobody_forwards_a_port_of_an_algorithms_pod(kubectl: Kubectl, live_pod: dict[str, Any]) -> None:
    where = ("-n", live_pod["metadata"]["namespace"])
    name = live_pod["metadata"]["name"]
    done = kubectl.attempt("get", "--raw", f"/api/v1/namespaces/{where[1]}/pods/{name}/portforward?ports=8081")
    assert "port-forward: not into an algorithm's pod" in done.stderr
