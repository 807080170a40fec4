"""mount_setattr on the root, as the first step to make it writable.

One flag in a struct, and everything read-only is not.
"""

import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Clear MOUNT_ATTR_RDONLY."""
    call(442, -100, b"/", 0, struct.pack("=QQQQ", 0, 1, 0, 0), 32)
