"""Looks at the cluster once a second while everything breaks: pods, what gateways say, and the exchange's audit log.

Apart from the stage because it must go on while that waits for an act to be done.
"""

import http.client
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.support.kubectl import KubectlError
from tests.support.tenants import TestTenant, ask_json

PAUSE_SECONDS = 0.5
# A container that is killed, that was told to end, and an algorithm whose gateway stayed away.
EXPECTED_ENDS = frozenset({0, 69, 137, 143})
_AUDIT = "/paper/v1/audit?after={}&limit=10000"


class Watch:
    """Runs from `start` to `close`; `note` is called after each look."""

    def __init__(self, tenant: TestTenant, account_url: str, note: Callable[[], None]) -> None:
        self._tenant = tenant
        self._account_url = account_url
        self._note = note
        self._account = tenant.key["account"]
        self._last = int(ask_json(f"{tenant.paper.url}/paper/v1/audit?limit=1")["last"])
        self._requests: set[int] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.pods: dict[str, dict[str, Any]] = {}
        # By algorithm; what a gateway said last that answered in the last look.
        self.statuses: dict[str, dict[str, Any]] = {}
        # By pod name and uid, when each was made: its volumes are new, what was in the last one's is gone.
        self.births_ms: dict[str, dict[str, int]] = defaultdict(dict)
        self.account_status: dict[str, Any] = {}
        self.entries: list[dict[str, Any]] = []
        self.deaths: dict[str, str] = {}
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._closing.set()
        self._thread.join(120)

    def look(self) -> None:
        """Look once."""
        self._read_audit()
        found = self._tenant.kubectl.items("pods", self._tenant.namespace)
        self.pods = {pod["metadata"]["name"]: pod for pod in found}
        for pod in found:
            self._note_deaths(pod)
            made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
            self.births_ms[pod["metadata"]["name"]][pod["metadata"]["uid"]] = round(made.timestamp() * 1000)
        algorithms = {name: pod for name, pod in self.pods.items() if name.startswith("algo-")}
        statuses = {
            name.removeprefix("algo-"): _ask_status(f"http://{pod['status'].get('podIP')}:8081/status")
            for name, pod in algorithms.items()
        }
        self.statuses = {name: status for name, status in statuses.items() if status}
        self.account_status = _ask_status(f"{self._account_url}/status")
        self._note()

    def _run(self) -> None:
        try:
            while not self._closing.wait(PAUSE_SECONDS):
                try:
                    self.look()
                except (KubectlError, OSError, http.client.HTTPException, subprocess.TimeoutExpired):
                    continue  # The API server or the exchange is slow; nothing is lost until the next look.
        except Exception as error:
            self.failure = error  # Told by whoever waits for what this thread no longer sees.
            raise

    def _read_audit(self) -> None:
        """Take in the account's part of the log, and all answers to its requests."""
        entries = ask_json(self._tenant.paper.url + _AUDIT.format(self._last))["entries"]
        assert not entries or entries[0]["number"] == self._last + 1, "a part of the audit log is gone"
        for entry in entries:
            if entry["kind"] == "request" and entry["account"] == self._account:
                self._requests.add(entry["number"])
            if entry.get("account") == self._account or entry.get("request") in self._requests:
                self.entries.append(entry)
        self._last = entries[-1]["number"] if entries else self._last

    def _note_deaths(self, pod: dict[str, Any]) -> None:
        status = pod["status"]
        for each in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
            end = each.get("lastState", {}).get("terminated")
            if end and (end["exitCode"] not in EXPECTED_ENDS or end.get("reason") == "OOMKilled"):
                where = f"{pod['metadata']['name']}/{each['name']}"
                self.deaths[f"{where} {each['restartCount']}"] = f"{where} ended: {end}"


def _ask_status(url: str) -> dict[str, Any]:
    """Return what a gateway says, nothing when it does not answer: it may just be ending or starting."""
    try:
        found: dict[str, Any] = ask_json(url, timeout_seconds=3)
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return found
