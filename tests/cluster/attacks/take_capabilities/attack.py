"""capset.

It keeps or passes on what a careless runtime left.
"""

import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Set the capabilities, to none at all."""
    call(126, struct.pack("=II", 0x20080522, 0), bytes(24))
