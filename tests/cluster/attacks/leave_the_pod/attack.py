"""A TCP connection to the API server, with no launcher at all in the way.

The network's own fence has to hold by itself.
"""

import socket

from tests.support.attacks.hostile import TARGETS


def attack() -> None:
    """Connect."""
    socket.create_connection((TARGETS["API server"], 443), timeout=3)
