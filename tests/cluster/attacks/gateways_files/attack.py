"""The gateway's open files and its root folder, through /proc.

Its keys, by another path.
"""

import os

from tests.support.attacks.hostile import find_the_gateway


def attack() -> None:
    """List its root."""
    os.listdir(f"/proc/{find_the_gateway()}/root/keys")
