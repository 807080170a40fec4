"""The release checks itself, keeps its passwords, and an upgrade restarts no running algorithm (promise 6)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support.chart import CHART, NAMESPACE
from tests.support.kubectl import Kubectl, condition
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

QUIET = """
from stockade_sdk import Strategy


class Quiet(Strategy):
    def on_start(self) -> None:
        self.subscribe_quotes("BTCUSDT")
"""
SECRETS = ("stockade-database", "stockade-panel", "stockade-paper-exchange")
DEPLOYMENTS = ("stockade-operator", "stockade-panel", "stockade-paper-exchange")


def wait_for_platform(kubectl: Kubectl) -> None:
    """Wait until each Deployment's newest version serves."""
    for name in DEPLOYMENTS:
        kubectl.run("wait", "deployment", name, "-n", NAMESPACE, "--for=condition=Available", "--timeout=80s")
        wait_until(
            partial(kubectl.get, "deployment", name, NAMESPACE),
            f"{name} to be rolled out",
            holds=is_rolled_out,
            deadline_seconds=110,
        )


def is_rolled_out(deployment: dict[str, Any] | None) -> bool:
    assert deployment is not None
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(name) for name in ("updatedReplicas", "availableReplicas", "replicas")]
    return counts == [wanted] * 3 and bool(status["observedGeneration"] == deployment["metadata"]["generation"])


def read_secrets(kubectl: Kubectl) -> dict[str, Any]:
    found = {name: kubectl.get("secret", name, NAMESPACE) for name in SECRETS}
    return {name: secret and secret["data"] for name, secret in found.items()}


def read_life(kubectl: Kubectl, tenant: TestTenant, name: str) -> tuple[str, dict[str, int]]:
    """Return what changes when a pod is replaced or one of its containers restarts."""
    pod = kubectl.get("pod", f"algo-{name}", tenant.namespace)
    assert pod is not None
    statuses = [*pod["status"]["initContainerStatuses"], *pod["status"]["containerStatuses"]]
    return pod["metadata"]["uid"], {status["name"]: status["restartCount"] for status in statuses}


@pytest.mark.timeout(300)
def test_the_release_checks_itself(helm: Callable[..., str]) -> None:
    said = helm("test", "stockade", "--timeout", "4m", "--logs")
    assert "the ledger knows" in said


@pytest.mark.timeout(600)
def test_an_upgrade_restarts_no_algorithm_and_keeps_every_password(
    kubectl: Kubectl, tenant: TestTenant, helm: Callable[..., str]
) -> None:
    tenant.apply_algorithm("steady", QUIET)
    tenant.wait_ready("algorithm", "steady")
    life, passwords = read_life(kubectl, tenant, "steady"), read_secrets(kubectl)
    assert all(passwords.values())

    revision = json.loads(helm("status", "stockade", "-o", "json"))["version"]

    def is_pending() -> str:
        found = kubectl.get("algorithm", "steady", tenant.namespace)
        return str(condition(found, "UpdatePending").get("status", "False"))

    try:
        # The operator is replaced, and would make another pod of the algorithm if it made one now.
        changes = ("--set", "image.tags.algorithm=the-next-release", "--set", "operator.resyncSeconds=20")
        helm("upgrade", "stockade", str(CHART), "--reuse-values", *changes)
        wait_for_platform(kubectl)
        wait_until(is_pending, "the new release to wait for its user", holds="True".__eq__, deadline_seconds=110)
        assert read_life(kubectl, tenant, "steady") == life
    finally:
        helm("rollback", "stockade", str(revision))
        wait_for_platform(kubectl)
    wait_until(is_pending, "nothing to wait for any more", holds="False".__eq__, deadline_seconds=110)
    assert read_life(kubectl, tenant, "steady") == life
    assert read_secrets(kubectl) == passwords


def test_the_migrations_have_ended(kubectl: Kubectl) -> None:
    def newest() -> dict[str, Any]:
        jobs = kubectl.items("jobs", NAMESPACE, "app.kubernetes.io/name=migrations")
        assert len(jobs) == 1, "Helm leaves one Job, that of the newest revision"
        return jobs[0]

    wait_until(
        newest, "the migrations to end", holds=lambda job: job["status"].get("succeeded") == 1, deadline_seconds=110
    )


def test_the_definitions_are_kept_when_the_release_goes(kubectl: Kubectl) -> None:
    found = json.loads(kubectl.run("get", "crd", "-l", "app.kubernetes.io/part-of=stockade", "-o", "json"))["items"]
    policies = {each["metadata"]["name"]: each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in found}
    assert policies == {f"{kind}.stockade.dev": "keep" for kind in ("tenants", "exchangeaccounts", "algorithms")}
