"""A socket received from the gateway.

A connection passed on is a connection, whatever the filter says.
"""

import os
import stat

from tests.support.attacks.hostile import OrderSocket, Refused


def attack() -> None:
    """Look at all that comes with the Welcome."""
    door = OrderSocket()
    descriptors = door.greet()
    if not any(stat.S_ISSOCK(os.fstat(descriptor).st_mode) for descriptor in descriptors):
        raise Refused("NOTHING")
