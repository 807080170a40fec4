"""/proc/kcore, the kernel's memory as a file.

Every key of every pod of the node.
"""

import os

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Read its first bytes."""
    if not os.read(os.open("/proc/kcore", os.O_RDONLY), 4):
        raise Refused("EMPTY")
