"""Eight mebibytes of log at once.

Unbounded it soon fills what the pod may use of the node's disk, and the kubelet evicts it, gateway and all.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.attacks.hostile import Refused
from tests.support.attacks.outside import Place
from tests.support.launcher_builds import build_launcher

FLOOD = "import os\nfor _ in range(2048): os.write(1, b'x' * 4095 + b'\\n')"
SOME = 4 << 20


def attack(place: Place) -> None:
    """Write them with and without a launcher; see how much arrives."""
    with tempfile.TemporaryDirectory() as folder:
        command: list[str | Path] = [sys.executable, "-c", FLOOD]
        if place.is_hardened:
            command.insert(0, build_launcher(Path(folder)))
        log = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    if len(log) < SOME:
        raise Refused("BOUNDED")
