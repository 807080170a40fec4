"""clone3(CLONE_NEWUSER), whose flags lie behind a pointer that no filter can read.

Therefore the call does not exist at all, and the C library falls back to clone.
"""

import os
import signal
import struct

from tests.support.attacks.hostile import NEW_USER, call


def attack() -> None:
    """Fork into a user namespace by the new call."""
    arguments = struct.pack("=QQQQQ", NEW_USER, 0, 0, 0, signal.SIGCHLD) + bytes(24)
    if call(435, arguments, len(arguments)) == 0:
        os._exit(0)
