"""quotactl for a device that is none.

Quotas of the node's disks.
"""

import errno

from tests.support.attacks.hostile import BUFFER, reach


def attack() -> None:
    """Ask to synchronise."""
    reach(errno.ENOTBLK, 179, 0x80000100, b"/dev/null", 0, BUFFER)
