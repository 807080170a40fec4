"""clock_adjtime.

Orders are signed with a time stamp: whoever moves the clock stops all trading.
"""

import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for the clock's state, the call by which it is moved."""
    call(305, 0, struct.pack("=I", 0) + bytes(204))
