"""What the panel's tests play on: a real API server and ledger, a double of the account gateways, and the panel itself.

The panel acts as its own service account with the rights the chart gives it. There is no operator and no kubelet: what
they would write, a test writes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from stockade_panel.app import create_app
from stockade_panel.cluster import Plural, open_cluster_from
from stockade_panel.errors import NotFoundError
from stockade_panel.parts import Parts, assemble
from stockade_panel.security import add_user
from stockade_panel.settings import Settings
from stockade_panel.web import create_flask
from tests.support.account_gateway_double import GatewayDouble, run_gateway_double, serve
from tests.support.api_server import ApiServer, install_definitions, run_api_server
from tests.support.chart import render
from tests.support.postgresql import Ledger, run_server
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
GROUP = "/apis/stockade.dev/v1alpha1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PLATFORM = "stockade-system"
PASSWORD = "correct horse battery"
CODE = "from stockade_sdk import Strategy\n\n\nclass Quiet(Strategy):\n    pass\n"
CSRF = re.compile(r'name="csrf_token" (?:type="hidden" )?value="([^"]+)"')

Manifest = dict[str, Any]


@dataclass
class Browser:
    """A user's HTTP client that carries cookies and CSRF tokens the way a page does."""

    client: httpx.Client

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page."""
        return self.client.get(path, **more)

    def csrf(self) -> str:
        """The token of this session's pages."""
        found = re.search(r'"X-CSRFToken": "([^"]+)"', self.client.get("/you").text)
        assert found
        return found[1]

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form."""
        return self.client.post(path, data={**fields, "csrf_token": self.csrf()})

    def log_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Log in through the form."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get("/login").text)
        assert found
        return self.client.post("/login", data={"email": email, "password": password, "csrf_token": found[1]})


@dataclass
class Stage:
    """Everything around the panel."""

    server: ApiServer
    admin: httpx.Client
    ledger: Ledger
    gateway: GatewayDouble
    parts: Parts
    url: str

    @contextmanager
    def browser(self, email: str | None = None) -> Iterator[Browser]:
        """A client of its own, logged in when an email is given."""
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            browser = Browser(client)
            if email:
                answer = browser.log_in(email)
                assert answer.status_code == 302, answer.text
            yield browser

    def add_tenant(self, name: str) -> None:
        """Do what the operator does for a Tenant: namespace, the panel's binding, the ledger's row; and add a user."""
        self.create(f"{GROUP}/tenants", {"kind": "Tenant", "metadata": {"name": name}, "spec": {}})
        self.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": f"tenant-{name}"}})
        binding = {
            "kind": "RoleBinding",
            "metadata": {"name": "stockade-panel"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "stockade-panel-tenant",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "stockade-panel", "namespace": PLATFORM}],
        }
        self.create(f"{RBAC}/namespaces/tenant-{name}/rolebindings", binding)
        uid = self.ledger.add_tenant(name)
        self.add_user(f"trader@{name}.example", tenant_uid=uid)

    def add_user(self, email: str, *, tenant_uid: str | None) -> None:
        """Add a user the way the command line does."""
        app = create_flask(self.parts)
        with app.app_context():
            add_user(app, email=email, password=PASSWORD, tenant_uid=tenant_uid, is_admin=tenant_uid is None)

    def add_account(self, tenant: str, name: str = "main") -> None:
        """Add a Paper account, seen by the operator."""
        spec = {"environment": "Paper", "keysSecret": {"name": f"{name}-keys"}}
        path = f"{GROUP}/namespaces/tenant-{tenant}/exchangeaccounts"
        self.create(path, {"kind": "ExchangeAccount", "metadata": {"name": name}, "spec": spec})

    def add_algorithm(self, tenant: str, name: str, **spec: Any) -> None:
        """Add an Algorithm the way another door does."""
        content = {"account": "main", "source": {"inline": CODE}, "symbols": ["BTCUSDT"], **spec}
        path = f"{GROUP}/namespaces/tenant-{tenant}/algorithms"
        self.create(path, {"kind": "Algorithm", "metadata": {"name": name}, "spec": content})

    def add_trading_tenant(self, name: str) -> None:
        """Add a tenant with the account `main` and the algorithm `grid`, and wait until the panel's watch saw both."""
        self.add_tenant(name)
        self.add_account(name)
        self.add_algorithm(name, "grid")
        wait_until(
            lambda: self.knows("exchangeaccounts", name, "main") and self.knows("algorithms", name, "grid"),
            "the watch to see both",
        )

    def knows(self, plural: Plural, tenant: str, name: str) -> bool:
        """Whether the panel's watch has seen an object."""
        try:
            self.parts.objects.get(plural, f"tenant-{tenant}", name)
        except NotFoundError:
            return False
        return True

    def apply_algorithm(self, manager: str, tenant: str, name: str, spec: Manifest) -> None:
        """Server-side apply as another manager."""
        body = {
            "apiVersion": "stockade.dev/v1alpha1",
            "kind": "Algorithm",
            "metadata": {"name": name, "namespace": f"tenant-{tenant}"},
            "spec": spec,
        }
        answer = self.admin.patch(
            f"{GROUP}/namespaces/tenant-{tenant}/algorithms/{name}",
            params={"fieldManager": manager, "force": "true"},
            content=yaml.safe_dump(body),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        assert answer.is_success, answer.text

    def set_status(self, tenant: str, plural: str, name: str, status: Manifest) -> None:
        """Write a status the way the operator does."""
        answer = self.admin.patch(
            f"{GROUP}/namespaces/tenant-{tenant}/{plural}/{name}/status",
            json={"status": status},
            params={"fieldManager": "stockade-operator"},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert answer.is_success, answer.text

    def read(self, tenant: str, plural: str, name: str) -> Manifest | None:
        """An object as it is, or None."""
        answer = self.admin.get(f"{GROUP}/namespaces/tenant-{tenant}/{plural}/{name}")
        if answer.status_code == 404:
            return None
        content: Manifest = answer.raise_for_status().json()
        return content

    def create(self, path: str, manifest: Manifest) -> None:
        """Create an object in a collection."""
        version = "v1" if path.startswith("/api/") else path.split("/")[2] + "/" + path.split("/")[3]
        answer = self.admin.post(path, json={"apiVersion": version, **manifest})
        assert answer.is_success, answer.text


@contextmanager
def set_stage(folder: Path) -> Iterator[Stage]:
    """Start everything; all of it is gone afterwards."""
    with (
        run_server() as postgresql,
        run_api_server() as server,
        server.client as admin,
        run_gateway_double() as gateway,
    ):
        install_definitions(admin, ROOT / "crds")
        ledger = postgresql.create_ledger("panel")
        settings = Settings(
            database_url=ledger.url("stockade_panel"),
            secret_key="not-a-secret-but-long-enough-for-it",
            examples_directory=ROOT / "algo-image/examples",
            gateway_url=gateway.url,
            admin_email="admin@stockade.example",
            admin_password=PASSWORD,
        )
        parts = assemble(settings, open_cluster_from(_write_kubeconfig(server, admin, folder)))
        with serve(create_app(parts)) as url:
            yield Stage(server, admin, ledger, gateway, parts, url)


def _write_kubeconfig(server: ApiServer, admin: httpx.Client, folder: Path) -> Path:
    """Give the panel's service account the chart's rights, and return a kubeconfig with a token of its own."""
    admin.post("/api/v1/namespaces", json={"metadata": {"name": PLATFORM}}).raise_for_status()
    account = {"metadata": {"name": "stockade-panel"}}
    admin.post(f"/api/v1/namespaces/{PLATFORM}/serviceaccounts", json=account).raise_for_status()
    for manifest in render():
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind in {"ClusterRole", "ClusterRoleBinding"} and name.startswith("stockade-panel"):
            admin.post(f"{RBAC}/{kind.lower()}s", json=manifest).raise_for_status()
    path = f"/api/v1/namespaces/{PLATFORM}/serviceaccounts/stockade-panel/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = admin.post(path, json=request).raise_for_status().json()["status"]["token"]
    content = yaml.safe_load(server.write_kubeconfig("admin").read_text())
    content["users"][0]["user"] = {"token": token}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return file
