"""The ring, opened for writing.

Forged prices would be the own harm only; the gateway that reads back what it wrote would be everybody's.
"""

import os

from tests.support.attacks.hostile import RING


def attack() -> None:
    """Open it."""
    os.open(RING, os.O_RDWR)
