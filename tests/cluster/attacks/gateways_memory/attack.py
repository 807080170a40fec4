"""The gateway's memory, keys included.

Opened as a file, it needs no call that a filter could forbid.
"""

import os

from tests.support.attacks.hostile import find_the_gateway


def attack() -> None:
    """Open it."""
    os.open(f"/proc/{find_the_gateway()}/mem", os.O_RDONLY)
