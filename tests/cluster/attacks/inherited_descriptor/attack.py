"""A connected socket that whoever started this process left open.

No call that a filter could refuse: it is there already.
"""

import socket

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Look for one of AF_INET."""
    for descriptor in range(3, 256):
        try:
            found = socket.socket(fileno=descriptor)
        except OSError:
            continue
        if found.family == socket.AF_INET:
            return
    raise Refused("NOTHING")
