"""A tenant of a test's own on the running cluster: namespace, paper account, algorithms; gone afterwards."""

import base64
import json
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from tests.support.kubectl import Kubectl, condition
from tests.support.waiting import wait_until

PLATFORM = "stockade-system"
API_VERSION = "stockade.dev/v1alpha1"


def service_url(kubectl: Kubectl, name: str, namespace: str, port: int) -> str:
    """The address of a Service by its cluster IP; only reachable inside the cluster's network namespace."""
    found = kubectl.get("service", name, namespace)
    assert found is not None, f"no Service {namespace}/{name}"
    return f"http://{found['spec']['clusterIP']}:{port}"


def ask_json(
    url: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
    timeout_seconds: float = 20,
) -> Any:
    """One HTTP request whose answer is JSON; an HTTP error is raised as urllib does."""
    data = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, headers=head, method=method)
    with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@dataclass
class Paper:
    """The paper exchange in the cluster: the witness of what really happened."""

    url: str

    def account(self, **wanted: Any) -> dict[str, Any]:
        """Open an account and return its key, secret and balances."""
        made: dict[str, Any] = ask_json(f"{self.url}/paper/v1/accounts", wanted)
        return made

    def books(self, api_key: str) -> dict[str, Any]:
        """What the exchange itself says of one key's account: orders, fills, balances."""
        accounts = ask_json(f"{self.url}/paper/v1/state")["accounts"]
        found: dict[str, Any] = next(account for account in accounts if api_key in account["apiKeys"])
        return found


@dataclass
class TestTenant:
    """One tenant with one paper account named `paper`."""

    __test__ = False

    kubectl: Kubectl
    paper: Paper
    name: str
    key: dict[str, Any] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The tenant's namespace."""
        return f"tenant-{self.name}"

    def create(self) -> "TestTenant":
        """Make the tenant and its account and wait until the account is ready."""
        self.kubectl.apply(
            {
                "apiVersion": API_VERSION,
                "kind": "Tenant",
                "metadata": {"name": self.name},
                "spec": {"displayName": self.name},
            }
        )
        self.wait_ready("tenant", self.name, "")
        self.open_account("paper")
        return self

    def open_account(self, name: str, endpoints: dict[str, str] | None = None, **wanted: Any) -> None:
        """Make a paper account's keys at the exchange, its Secret and its ExchangeAccount."""
        self.key = self.paper.account(**wanted)
        secret = {part: base64.b64encode(self.key[part].encode()).decode() for part in ("apiKey", "apiSecret")}
        self.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": f"{name}-keys-1", "namespace": self.namespace},
                "immutable": True,
                "data": secret,
            },
            {
                "apiVersion": API_VERSION,
                "kind": "ExchangeAccount",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "environment": "Paper",
                    "keysSecret": {"name": f"{name}-keys-1"},
                    **({"endpoints": endpoints} if endpoints else {}),
                },
            },
        )
        self.wait_ready("exchangeaccount", name)

    def apply_algorithm(self, name: str, source: str, **spec: Any) -> dict[str, Any]:
        """Write an Algorithm with inline source and return the object as applied."""
        wanted: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": "Algorithm",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "account": "paper",
                "source": {"inline": source},
                "symbols": ["BTCUSDT"],
                "state": "Running",
                **spec,
            },
        }
        self.kubectl.apply(wanted)
        return wanted

    def wait_ready(
        self, kind: str, name: str, namespace: str | None = None, deadline_seconds: float = 110
    ) -> dict[str, Any]:
        """Wait until the object's Ready is True for its newest generation and return it."""
        where = self.namespace if namespace is None else namespace

        def seen() -> dict[str, Any] | None:
            return self.kubectl.get(kind, name, where)

        def ready(found: dict[str, Any] | None) -> bool:
            current = (found or {}).get("status", {}).get("observedGeneration") == (found or {}).get(
                "metadata", {}
            ).get("generation")
            return current and condition(found, "Ready").get("status") == "True"

        found = wait_until(seen, f"{kind}/{name} to be Ready", holds=ready, deadline_seconds=deadline_seconds)
        assert found is not None
        return found

    def gateway_status(self, algorithm: str) -> dict[str, Any]:
        """What the gateway of an algorithm's pod says on its read-only /status."""
        pod = self.kubectl.get("pod", f"algo-{algorithm}", self.namespace)
        assert pod is not None, f"no pod algo-{algorithm}"
        seen: dict[str, Any] = ask_json(f"http://{pod['status']['podIP']}:8081/status")
        return seen

    def delete(self) -> None:
        """Delete the tenant; its namespace goes by and by."""
        self.kubectl.delete("tenant", self.name, wait=False)

    def wait_until_gone(self) -> None:
        """Wait until nothing of it is left."""
        wait_until(
            lambda: self.kubectl.get("namespace", self.namespace),
            "the namespace to go",
            holds=lambda found: found is None,
            deadline_seconds=120,
        )
