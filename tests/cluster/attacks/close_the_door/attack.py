"""The order socket, with no rights left.

A restarted algorithm would not get in.
"""

import os

from tests.support.attacks.hostile import DOOR


def attack() -> None:
    """Take and give back the rights."""
    os.chmod(DOOR, 0)
    os.chmod(DOOR, 0o777)
