"""clock_settime on a clock that can't be set.

EINVAL would mean that the call was let through.
"""

import errno
import struct

from tests.support.attacks.hostile import reach


def attack() -> None:
    """Set it."""
    reach(errno.EINVAL, 227, 4, struct.pack("=qq", 1, 0))
