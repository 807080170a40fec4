"""The ring, cut to its own length.

To nothing, and the gateway would die of SIGBUS at its next record.
"""

import os

from tests.support.attacks.hostile import RING


def attack() -> None:
    """Cut it where it ends."""
    os.truncate(RING, os.stat(RING).st_size)
