"""The canary: tries one door that the tenant's NetworkPolicies open and one that they close, and says what it found.

Apart from the gateway's modes proper because it holds no keys and serves nobody: it is in this image only because every
node that runs algorithms has it.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stockade_gateway.errors import SettingsError
from stockade_gateway.settings import require_text

_CONNECT_SECONDS = 3.0
# Some plugins close a new pod's network a moment after its start.
_LONGEST_SECONDS = 20.0
_PAUSE_SECONDS = 1.0


def try_doors(environment: Mapping[str, str], longest_seconds: float = _LONGEST_SECONDS) -> dict[str, bool]:
    """Return which doors let a connection through, once that is as it should be or time is up.

    Raises SettingsError.
    """
    ends = time.monotonic() + longest_seconds
    open_door, closed_door = (_read_door(environment, name) for name in ("STOCKADE_OPEN_DOOR", "STOCKADE_CLOSED_DOOR"))
    while True:
        found = {"open": _connects(open_door), "closed": _connects(closed_door)}
        if found == {"open": True, "closed": False} or time.monotonic() > ends:
            return found
        time.sleep(_PAUSE_SECONDS)


def main() -> int:
    """Write what was found as the container's termination message; returns the exit code."""
    try:
        found = try_doors(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    text = json.dumps(found)
    sys.stderr.write(f"{text}\n")
    Path(os.environ.get("STOCKADE_TERMINATION_FILE", "/dev/termination-log")).write_text(text)
    return 0


def _read_door(environment: Mapping[str, str], name: str) -> tuple[str, int]:
    host, _, port = require_text(environment, name).rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"{name} must be address:port; the operator writes it into the pod")
    return host.strip("[]"), int(port)


def _connects(door: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(door, timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False
