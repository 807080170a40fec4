"""Install, upgrade, uninstall and install again: passwords, definitions and what users wrote stay."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_server import ADMIN, ApiServer, run_api_server
from tests.support.chart import CHART, HELM, NAMESPACE
from tests.support.good_objects import make_object

pytestmark = pytest.mark.timeout(300)

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
TENANTS = "/apis/stockade.dev/v1alpha1/tenants"


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server of this module's own, empty at first."""
    with run_api_server() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ApiServer) -> Iterator[httpx.Client]:
    """A client with all rights."""
    with server.client as opened:
        yield opened


def run_helm(server: ApiServer, *arguments: str) -> str:
    """Run one Helm command on the test's API server."""
    assert HELM.exists(), f"no Helm at {HELM}: `make contract` builds it first"
    kubeconfig = str(server.write_kubeconfig(ADMIN))
    environment = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "KUBECONFIG": kubeconfig}
    command = [str(HELM), "--namespace", NAMESPACE, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
    return done.stdout


def read_secrets(client: httpx.Client) -> dict[str, dict[str, str]]:
    """Return the data of each Secret that the chart makes, Helm's own record left out."""
    items: list[dict[str, Any]] = client.get(SECRETS).raise_for_status().json()["items"]
    return {
        item["metadata"]["name"]: item["data"] for item in items if item["metadata"]["name"].startswith("stockade-")
    }


def test_passwords_definitions_and_tenants_outlive_the_release(server: ApiServer, client: httpx.Client) -> None:
    install = ("install", "stockade", str(CHART), "--create-namespace")
    run_helm(server, *install)
    made = read_secrets(client)
    assert sorted(made) == ["stockade-database", "stockade-panel", "stockade-paper-exchange"]
    tenant = make_object("Tenant", "demo", "")
    uid = client.post(TENANTS, json=tenant).raise_for_status().json()["metadata"]["uid"]

    run_helm(server, "upgrade", "stockade", str(CHART), "--set", "panel.replicas=2")
    assert read_secrets(client) == made

    said = run_helm(server, "uninstall", "stockade")
    assert "[CustomResourceDefinition] algorithms.stockade.dev" in said
    assert client.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments").json()["items"] == []
    assert client.get(f"{TENANTS}/demo").raise_for_status().json()["metadata"]["uid"] == uid

    run_helm(server, *install)
    assert read_secrets(client) == made
    assert client.get(f"{TENANTS}/demo").raise_for_status().json()["metadata"]["uid"] == uid


def test_a_given_password_replaces_the_generated_one(server: ApiServer, client: httpx.Client) -> None:
    run_helm(server, "upgrade", "--install", "stockade", str(CHART), "--create-namespace")
    before = read_secrets(client)["stockade-panel"]
    run_helm(server, "upgrade", "stockade", str(CHART), "--set", "panel.admin.password=correct-horse-battery")
    after = read_secrets(client)["stockade-panel"]
    assert (after["secretKey"], after["adminEmail"]) == (before["secretKey"], before["adminEmail"])
    assert after["adminPassword"] != before["adminPassword"]
