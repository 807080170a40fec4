"""vmsplice.

Own pages lent to a pipe, half of several exploits.
"""

import ctypes
import os
import struct

from tests.support.attacks.hostile import BUFFER, call


def attack() -> None:
    """Lend eight bytes."""
    call(278, os.pipe()[1], struct.pack("=QQ", ctypes.addressof(BUFFER), 8), 1, 0)
