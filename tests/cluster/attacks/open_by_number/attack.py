"""open_by_handle_at, as the exploit 'shocker' (CVE-2014-3519).

A file by its number, past every mount and every folder's rights.
"""

import ctypes
import os
import struct

from tests.support.attacks.hostile import BUFFER, call


def attack() -> None:
    """Open /tmp by its number."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
    call(303, -100, b"/tmp", handle, BUFFER, 0)
    call(304, os.open("/tmp", os.O_RDONLY), handle, os.O_RDONLY)
