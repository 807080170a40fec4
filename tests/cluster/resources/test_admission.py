"""The API server refuses an algorithm's pod that lacks one piece of hardening, and whoever is not the operator.

The good pod is the one that the operator really makes. Nothing is started: pods are created as a trial, and the one
that is changed asks for a node that does not exist.
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.chart import find, render
from tests.support.good_objects import spoil
from tests.support.hardened_pod import make_good_pod
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM

OPERATOR = f"--as=system:serviceaccount:{PLATFORM}:stockade-operator"
POLICY_KIND = "ValidatingAdmissionPolicy"
HARDENING = "stockade-algorithm-pod-hardening"


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


def test_the_installed_policy_refuses_a_pod_that_lacks_a_piece(kubectl: Kubectl, good_pod: dict[str, Any]) -> None:
    pod = spoil(good_pod, "spec.containers.algorithm.securityContext.readOnlyRootFilesystem", value=False)
    assert "readOnlyRootFilesystem: write true" in create(kubectl, pod, OPERATOR)


def test_the_installed_policy_is_the_one_whose_every_rule_is_tried(kubectl: Kubectl) -> None:
    """Rule by rule it is tried in tests/contract/operator/test_hardening.py, against an API server of the same kind."""
    installed, written = kubectl.get("validatingadmissionpolicy", HARDENING), find(render(), POLICY_KIND, HARDENING)
    assert installed is not None
    assert [rule["message"] for rule in installed["spec"]["validations"]] == [
        rule["message"] for rule in written["spec"]["validations"]
    ]


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
