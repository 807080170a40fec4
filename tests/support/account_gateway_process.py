"""An account gateway as a real process, with its mounted folders as the operator makes them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import find_free_port
from tests.support.waiting import wait_until

_ROOT = Path(__file__).parents[2]
SESSION_HEADER = "X-Stockade-Session"
# On a machine that does much else; one that ends is noticed at once.
_START_SECONDS = 300.0


class AccountGatewayProcess:
    """One running gateway of an account; `folder` holds its keys, control, ledger address and log."""

    def __init__(
        self,
        folder: Path,
        *,
        tenant: str,
        exchange_port: int,
        ledger_url: str,
        keys: dict[str, str],
        account: str = "main",
    ) -> None:
        self._folder = folder
        for name in ("keys", "control", "ledger", "spool"):
            (folder / name).mkdir(parents=True)
        self.mount_keys(keys)
        (folder / "ledger" / "url").write_text(ledger_url)
        self.control("Active")
        self.port = find_free_port()
        self.http = f"http://127.0.0.1:{self.port}"
        self.websocket = f"ws://127.0.0.1:{self.port}"
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(str(_ROOT / part) for part in ("gateway", "wire", "db")),
            "STOCKADE_TENANT": tenant,
            "STOCKADE_NAMESPACE": f"tenant-{tenant}",
            "STOCKADE_ACCOUNT": account,
            "STOCKADE_ENVIRONMENT": "Paper",
            "STOCKADE_REST_URL": f"http://127.0.0.1:{exchange_port}",
            "STOCKADE_WEBSOCKET_API_URL": f"ws://127.0.0.1:{exchange_port}/ws-api/v3",
            "STOCKADE_STREAMS_URL": f"ws://127.0.0.1:{exchange_port}",
            "STOCKADE_PORT": str(self.port),
            "STOCKADE_KEYS_DIRECTORY": str(folder / "keys"),
            "STOCKADE_CONTROL_FILE": str(folder / "control" / "control"),
            "STOCKADE_LEDGER_DIRECTORY": str(folder / "ledger"),
            "STOCKADE_SPOOL_DIRECTORY": str(folder / "spool"),
        }
        self.start()

    def start(self) -> None:
        """Start the process and wait until it answers at all."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stockade_gateway", "account"], stdout=log, stderr=log, env=self._environment
            )
        wait_until(
            lambda: self._answers("/livez"),
            f"an answer; the log says:\n{self.log()}",
            deadline_seconds=_START_SECONDS,
            pause_seconds=0.1,
        )

    def mount_keys(self, keys: dict[str, str]) -> None:
        """Lay keys into the volume that the next start reads."""
        for name, value in keys.items():
            (self._folder / "keys" / name).write_text(value)

    def wait_until_ready(self) -> None:
        """Wait until the exchange accepted the key, user events come in and the ledger was read."""
        wait_until(self.status, "a gateway without complaints", holds=_is_well, pause_seconds=0.1)

    def control(
        self, trading: str, text: str | None = None, generation: int = 1, limits: dict[str, str] | None = None
    ) -> None:
        """Replace the control file as the kubelet does, in one step."""
        fresh = self._folder / "control" / "fresh"
        account = {"trading": trading, "limits": limits}
        fresh.write_text(text or json.dumps({"generation": generation, **account, "account": account}))
        fresh.replace(self._folder / "control" / "control")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def status(self) -> dict[str, Any]:
        """Return what the operator reads."""
        found: dict[str, Any] = httpx.get(f"{self.http}/status", timeout=30).raise_for_status().json()
        return found

    def ask(self, method: str, path: str, token: str | None, **rest: Any) -> httpx.Response:
        """Send one request with a session token."""
        headers = {} if token is None else {SESSION_HEADER: token}
        return httpx.request(method, f"{self.http}{path}", headers=headers, timeout=60, **rest)

    def memory_bytes(self) -> int:
        """Return how much memory it has in use."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def log(self) -> str:
        """Return everything it wrote."""
        path = self._folder / "log"
        return path.read_text() if path.exists() else ""

    def kill(self) -> None:
        """Kill it without a word."""
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def _answers(self, path: str) -> bool:
        assert self._process.poll() is None, f"the gateway ended:\n{self.log()}"
        try:
            return httpx.get(f"{self.http}{path}", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def _is_well(status: dict[str, Any]) -> bool:
    return status["message"] is None and status["connected"]
