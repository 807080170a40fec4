"""A way to gain privileges by executing a set-uid file.

sudo, ping, or a file that somebody planted.
"""

from pathlib import Path

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Ask the kernel whether that is still possible."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if fields["NoNewPrivs"].strip() == "1":
        raise Refused("NEVER")
