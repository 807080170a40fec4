"""userfaultfd.

It stops the kernel in the middle of a copy, which turns races into certainties.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for one that handles user faults only, which needs no privilege."""
    call(323, 1)
