"""AF_INET with rubbish in the half of the argument that the kernel does not look at.

A filter that compares all 64 bits, or only the high ones, is passed by.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open it."""
    call(41, (1 << 32) | 2, 1, 0)
