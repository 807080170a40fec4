"""reboot with a wrong magic number, so that nothing happens.

The kernel compares it after it asked for the right to reboot.
"""

import errno

from tests.support.attacks.hostile import reach


def attack() -> None:
    """Ask for it."""
    reach(errno.EINVAL, 169, 0, 0, 0, 0)
