"""The API server.

One unpatched hole of it, or one token, and the cluster is open.
"""

import socket

from tests.support.attacks.hostile import TARGETS


def attack() -> None:
    """Connect."""
    socket.create_connection((TARGETS["API server"], 443), timeout=3)
