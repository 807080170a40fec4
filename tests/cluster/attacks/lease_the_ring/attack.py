"""A lease on the ring.

The kernel asks its holder before somebody else may open the file, and lets that one wait up to 45 s.
"""

import fcntl
import os

from tests.support.attacks.hostile import RING


def attack() -> None:
    """Take a read lease."""
    fcntl.fcntl(os.open(RING, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
