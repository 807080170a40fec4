"""What the operator's tests play on: an API server, a ledger, a node, and operators to start and end."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.api_server import OPERATOR, ApiServer
from tests.support.fake_kubelet import FakeKubelet
from tests.support.postgresql import Ledger
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
GROUP = "/apis/stockade.dev/v1alpha1"
CODE = "from stockade_sdk import Strategy\n\n\nclass Quiet(Strategy):\n    pass\n"
DEADLINE_SECONDS = 300.0
"""Long, because an operator that dies at every write needs many lives, on a machine that is busy with other things."""
MERGE = {"Content-Type": "application/merge-patch+json"}

Manifest = dict[str, Any]

_attempts = itertools.count(1)


@dataclass
class Stage:
    """Everything around the operator; its methods are what a user does with kubectl."""

    server: ApiServer
    client: httpx.Client
    kubelet: FakeKubelet
    ledger: Ledger
    log: Path

    def get(self, path: str) -> Manifest | None:
        """Return an object by its path below the API's root, or None."""
        answer = self.client.get(path)
        if answer.status_code == 404:
            return None
        content: Manifest = answer.raise_for_status().json()
        return content

    def create(self, path: str, manifest: Manifest) -> Manifest:
        """Create an object in a collection."""
        answer = self.client.post(path, json=manifest)
        assert answer.is_success, answer.text
        content: Manifest = answer.json()
        return content

    def patch(self, path: str, changes: Manifest) -> None:
        """Merge changes into an object."""
        answer = self.client.patch(path, json=changes, headers=MERGE)
        assert answer.is_success, answer.text

    def delete(self, path: str) -> None:
        """Delete an object the way kubectl does."""
        answer = self.client.delete(path)
        assert answer.is_success, answer.text

    def create_tenant(self, name: str, **spec: Any) -> None:
        """Create a Tenant."""
        self.create(f"{GROUP}/tenants", _resource("Tenant", name, spec))

    def create_account(self, tenant: str, name: str = "main", **spec: Any) -> None:
        """Create a Paper account; waits for the tenant's namespace."""
        self.wait(f"/api/v1/namespaces/tenant-{tenant}")
        content = {"environment": "Paper", "keysSecret": {"name": f"{name}-keys"}, **spec}
        self.create(accounts(tenant), _resource("ExchangeAccount", name, content))

    def create_algorithm(self, tenant: str, name: str, **spec: Any) -> None:
        """Create an Algorithm with a small source."""
        content = {"account": "main", "source": {"inline": CODE}, "symbols": ["BTCUSDT"], **spec}
        self.create(algorithms(tenant), _resource("Algorithm", name, content))

    def condition(self, path: str, type_: str) -> tuple[str, str]:
        """Return status and reason of a condition, or two empty texts."""
        found = (self.get(path) or {}).get("status", {}).get("conditions", [])
        return next(((each["status"], each["reason"]) for each in found if each["type"] == type_), ("", ""))

    def wait(self, path: str) -> Manifest:
        """Wait for an object to exist."""
        return wait_until(lambda: self.get(path), f"{path}; {self.tell()}", deadline_seconds=DEADLINE_SECONDS) or {}

    def wait_gone(self, path: str) -> None:
        """Wait for an object to be gone."""
        wait_until(
            lambda: self.get(path) is None, f"the end of {path}; {self.tell()}", deadline_seconds=DEADLINE_SECONDS
        )

    def wait_for(self, path: str, type_: str, status: str, reason: str | None = None) -> None:
        """Wait for a condition."""
        wait_until(
            lambda: self.condition(path, type_),
            f"{type_}={status} of {path}; {self.tell()}",
            holds=lambda seen: seen[0] == status and reason in {None, seen[1]},
            deadline_seconds=DEADLINE_SECONDS,
        )

    def list_events(self, tenant: str, name: str) -> list[Manifest]:
        """Return the Events of one of a tenant's objects."""
        path = f"/api/v1/namespaces/tenant-{tenant}/events"
        found = self.client.get(path, params={"fieldSelector": f"involvedObject.name={name}"})
        items: list[Manifest] = found.raise_for_status().json()["items"]
        return items

    def tell(self) -> str:
        """Return where the operator's log is."""
        return f"the operator's log is {self.log}"

    @contextmanager
    def operator(
        self, *, writes_per_life: int | None = None, log: str = "operator", **environment: str
    ) -> Iterator[None]:
        """Run the operator; with a number of writes it is killed after so many, again and again."""
        module = (
            ["stockade_operator"] if writes_per_life is None else ["tests.support.operator_lives", str(writes_per_life)]
        )
        with self.log.with_name(f"{log}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env={**self._environment(), **environment},
                stdout=output,
                stderr=output,
            )
        try:
            yield
            assert process.poll() is None, f"the operator has ended; {self.tell()}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

    def _environment(self) -> dict[str, str]:
        roots = [str(ROOT / part) for part in ("operator", "crds")]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.server.folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *roots]),
            "PYTHONSAFEPATH": "1",
            "KUBECONFIG": str(self.server.write_kubeconfig(OPERATOR)),
            "STOCKADE_NAMESPACE": "stockade-system",
            "STOCKADE_DATABASE_URL": self.ledger.url("stockade_operator"),
            "STOCKADE_LEDGER_HOST": "stockade-postgresql.stockade-system.svc:5432",
            "STOCKADE_GATEWAY_IMAGE": "localhost/stockade/gateway:test",
            "STOCKADE_ALGORITHM_IMAGE": "localhost/stockade/algorithm:test",
            "STOCKADE_PAPER_URL": "http://stockade-paper-exchange.stockade-system.svc:9000",
            "STOCKADE_RESYNC_SECONDS": "2",
            "STOCKADE_PORT": "0",
        }


def fresh(name: str) -> str:
    """Return a tenant's name that was not used yet, so that a test that is run again begins from nothing."""
    return f"{name}-{next(_attempts)}"


def tenant_path(name: str) -> str:
    """Return the path of a Tenant."""
    return f"{GROUP}/tenants/{name}"


def accounts(tenant: str) -> str:
    """Return the path of a tenant's accounts."""
    return f"{GROUP}/namespaces/tenant-{tenant}/exchangeaccounts"


def algorithms(tenant: str) -> str:
    """Return the path of a tenant's Algorithms."""
    return f"{GROUP}/namespaces/tenant-{tenant}/algorithms"


def pods(tenant: str) -> str:
    """Return the path of a tenant's pods."""
    return f"/api/v1/namespaces/tenant-{tenant}/pods"


def _resource(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": "stockade.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
