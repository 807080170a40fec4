"""swapon of a file that is not there.

Memory of others on a disk one can read.
"""

import errno

from tests.support.attacks.hostile import reach


def attack() -> None:
    """Ask for it."""
    reach(errno.ENOENT, 167, b"/nowhere", 0)
