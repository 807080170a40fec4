"""The ring, opened anew for writing through /proc.

A descriptor is not bound to the rights it was opened with, only to its mount.
"""

import os

from tests.support.attacks.hostile import RING


def attack() -> None:
    """Open it read-only, then through its descriptor."""
    os.open(f"/proc/self/fd/{os.open(RING, os.O_RDONLY)}", os.O_RDWR)
