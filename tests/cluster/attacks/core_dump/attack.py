"""A core dump, which the kernel pipes to a program of the node.

It runs outside of every container, with what the crashed process chose to leave in its memory.
"""

import resource
import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for one, as far as the hard limit goes."""
    call(160, resource.RLIMIT_CORE, struct.pack("=QQ", 1 << 20, 1 << 20))
