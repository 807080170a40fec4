"""ioprio_set.

The gateway's journal shares the disk.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Change the class of input and output."""
    call(251, 1, 0, (2 << 13) | 7)
