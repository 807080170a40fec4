"""Raise a limit that the launcher set.

A soft limit alone would be a request.
"""

import resource
import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for 4096 open files."""
    call(160, resource.RLIMIT_NOFILE, struct.pack("=QQ", 4096, 4096))
