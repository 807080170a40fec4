"""kcmp.

It tells where kernel objects lie, relative to each other.
"""

import os

from tests.support.attacks.hostile import call, in_a_bystander


def attack() -> None:
    """Ask whether a bystander shares our files."""
    in_a_bystander(lambda pid: call(312, os.getpid(), pid, 1, 0, 0))
