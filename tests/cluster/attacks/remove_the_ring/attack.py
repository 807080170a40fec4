"""The ring, moved away.

The next reader finds none, or a forged one.
"""

import os

from tests.support.attacks.hostile import RING


def attack() -> None:
    """Rename it and back."""
    os.rename(RING, RING + ".away")
    os.rename(RING + ".away", RING)
