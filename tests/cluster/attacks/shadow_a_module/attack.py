"""A module in /tmp with the name of one of the standard library's, on PYTHONPATH.

The next interpreter, started as the runner was, would run it first.
"""

import subprocess
import sys
from pathlib import Path

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Start one and see whose `json` it has."""
    Path("/tmp/json.py").write_text("mine = True")
    flags = [flag for flag in sys.orig_argv[1:] if flag in ("-I", "-E", "-P")]
    code = "import json, sys; sys.exit(hasattr(json, 'mine'))"
    command = [sys.executable, *flags, "-c", code]
    if not subprocess.run(command, env={"PYTHONPATH": "/tmp"}, check=False).returncode:
        raise Refused("ISOLATED")
