"""The ring, mapped for writing.

A shared mapping writes without a further call.
"""

import mmap
import os

from tests.support.attacks.hostile import RING


def attack() -> None:
    """Map it."""
    flags = os.O_RDWR if os.access(RING, os.W_OK) else os.O_RDONLY
    mmap.mmap(os.open(RING, flags), 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
