"""A capability.

Root in a container has fourteen of them, raw sockets and device files among them.
"""

from pathlib import Path

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Look for one in any set."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if not any(int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")):
        raise Refused("NOTHING")
