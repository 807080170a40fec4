"""A paper exchange as a real process, for every test that needs an exchange."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

START_DEADLINE_SECONDS = 60.0
MODULE = (sys.executable, "-m", "stockade_paper", "serve")  # As the image runs it.
PACKAGE_FOLDER = Path(__file__).parents[2] / "paper-exchange"


class PaperProcess:
    """One running exchange; `port` is a free one that it picked itself unless one was asked for."""

    def __init__(self, log: Path, *flags: str, port: int = 0, program: tuple[str, ...] = MODULE) -> None:
        self._log = log
        self._output = log.open("w", encoding="utf-8")
        command = [*program, "--host", "127.0.0.1", "--port", str(port), *flags]
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE_FOLDER)}
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT, env=environment)
        self.port = self._wait_for_port()

    @property
    def http(self) -> str:
        """Base address of REST."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket(self) -> str:
        """Base address of the sockets."""
        return f"ws://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API and return its JSON; raises AssertionError with the answer when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.http}{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def open_account(self, **wish: Any) -> dict[str, Any]:
        """Open an account and return its keys."""
        opened: dict[str, Any] = self.request("POST", "/paper/v1/accounts", wish)
        return opened

    def account_state(self, account: int) -> dict[str, Any]:
        """Return what the witness says about one account."""
        state = self.request("GET", "/paper/v1/state")
        found: dict[str, Any] = next(each for each in state["accounts"] if each["account"] == account)
        return found

    def arm(self, kind: str, **details: Any) -> None:
        """Arm a fault."""
        self.request("POST", "/paper/v1/faults", {"kind": kind, **details})

    def kill(self) -> None:
        """Kill it without a word (SIGKILL)."""
        self._process.kill()
        self._process.wait(30)
        self._output.close()

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(30)
        self._output.close()
        return status

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + START_DEADLINE_SECONDS
        while time.monotonic() < deadline:
            found = re.search(r"listens on http://[^:]+:(\d+)", self._log.read_text(encoding="utf-8"))
            if found is not None:
                return int(found[1])
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the paper exchange did not start: {self._log.read_text(encoding='utf-8')}")
