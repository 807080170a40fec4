"""A real API server with etcd and the controller manager on loopback, and no kubelet: for tests of what is written.

The programs are those of the local cluster (`make up` builds them into `~/.cache/stockade/bin`).
"""

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.ports import find_free_port

PROGRAMS = Path.home() / ".cache/stockade/bin"
START_SECONDS = 120.0
ADMIN = "admin"
OPERATOR = "system:serviceaccount:stockade-system:stockade-operator"
TOKENS = {ADMIN: ("admin-token", "system:masters"), OPERATOR: ("operator-token", "system:serviceaccounts")}
CONTROLLERS = (
    "serviceaccount-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "deployment-controller",
    "replicaset-controller",
    "resourcequota-controller",
)
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "Metadata", "users": [OPERATOR], "verbs": ["create", "update", "patch", "delete"]},
        {"level": "None"},
    ],
}

Manifest = dict[str, Any]


@dataclass
class ApiServer:
    """A running API server and a client with all rights."""

    folder: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def client(self) -> httpx.Client:
        """A client as the administrator; the caller closes it."""
        token, _ = TOKENS[ADMIN]
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {token}"},
            verify=False,  # noqa: S501 - the server's certificate is its own and the port is on loopback
            timeout=30,
            trust_env=False,
        )

    def write_kubeconfig(self, user: str) -> Path:
        """Return a kubeconfig file for one of the users."""
        path = self.folder / f"kubeconfig-{user.rpartition(':')[2]}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": f"https://127.0.0.1:{self.port}",
                        "certificate-authority": str(self.folder / "certificates/apiserver.crt"),
                    },
                }
            ],
            "users": [{"name": "user", "user": {"token": TOKENS[user][0]}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def list_writes(self) -> list[tuple[str, str]]:
        """Return verb and path of every write the operator's user has made."""
        # A line that is being written has no end yet.
        whole, _, _ = (self.folder / "audit.log").read_text().rpartition("\n")
        lines = whole.splitlines()
        return [(event["verb"], event["requestURI"].partition("?")[0]) for event in map(json.loads, lines)]

    def stop(self) -> None:
        """End the processes, the last one first."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=30)


@contextmanager
def run_api_server() -> Iterator[ApiServer]:
    """Run it in a temporary folder; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="stockade-api-server-"))
    server = ApiServer(folder, find_free_port())
    try:
        _write_files(folder)
        _start(server)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def install_definitions(client: httpx.Client, folder: Path) -> None:
    """Create Stockade's resource definitions and wait until the API server serves them."""
    plurals = []
    for path in sorted(folder.glob("*.yaml")):
        definition = yaml.safe_load(path.read_text())
        client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition).raise_for_status()
        plurals.append(definition["spec"]["names"]["plural"])
    ends = time.monotonic() + START_SECONDS
    for plural in plurals:
        while client.get(f"/apis/stockade.dev/v1alpha1/{plural}").status_code != 200:
            assert time.monotonic() < ends, f"the API server does not serve {plural}"
            time.sleep(0.1)


def _write_files(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "service-account.key").write_bytes(pem)
    rows = [f'{token},{user},{user},"{group}"' for user, (token, group) in TOKENS.items()]
    (folder / "tokens.csv").write_text("\n".join(rows) + "\n")
    (folder / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))
    (folder / "audit.log").touch()


def _start(server: ApiServer) -> None:
    folder, etcd_port, peer_port = server.folder, find_free_port(), find_free_port()
    etcd, peer = f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}"
    _spawn(
        server,
        "etcd",
        {
            "data-dir": folder / "etcd",
            "listen-client-urls": etcd,
            "advertise-client-urls": etcd,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "unsafe-no-fsync": "true",
        },
    )
    key = folder / "service-account.key"
    _spawn(
        server,
        "kube-apiserver",
        {
            "etcd-servers": etcd,
            "bind-address": "127.0.0.1",
            # Loopback is not accepted here; nothing uses the address, since no endpoints are written.
            "advertise-address": "192.0.2.1",
            "endpoint-reconciler-type": "none",
            "secure-port": server.port,
            "cert-dir": folder / "certificates",
            "token-auth-file": folder / "tokens.csv",
            "authorization-mode": "RBAC",
            # A pod that asks for it is to be refused by our policy, not by the API server.
            "allow-privileged": "true",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "service-cluster-ip-range": "10.96.0.0/16",
            "audit-policy-file": folder / "audit-policy.yaml",
            "audit-log-path": folder / "audit.log",
            "audit-log-mode": "blocking",
        },
    )
    with server.client as client:
        _wait_until_ready(server, client)
    _spawn(
        server,
        "kube-controller-manager",
        {
            "kubeconfig": server.write_kubeconfig(ADMIN),
            "leader-elect": "false",
            "bind-address": "127.0.0.1",
            "secure-port": "0",
            "controllers": ",".join(CONTROLLERS),
        },
    )


def _spawn(server: ApiServer, program: str, options: dict[str, object]) -> None:
    command = [str(PROGRAMS / program), *(f"--{name}={value}" for name, value in options.items())]
    with (server.folder / f"{program}.log").open("wb") as log:
        server.processes.append(subprocess.Popen(command, stdout=log, stderr=log))


def _wait_until_ready(server: ApiServer, client: httpx.Client) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            if client.get("/readyz").text == "ok":
                return
        except httpx.TransportError:
            pass
        ended = [process.args for process in server.processes if process.poll() is not None]
        if ended or time.monotonic() > ends:
            raise AssertionError(f"no API server: {(server.folder / 'kube-apiserver.log').read_text()[-3000:]}")
        time.sleep(0.1)
