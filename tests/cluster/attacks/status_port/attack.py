"""The gateway's status page on the pod's own loopback.

An address that no NetworkPolicy stands before.
"""

import socket


def attack() -> None:
    """Connect."""
    socket.create_connection(("127.0.0.1", 8081), timeout=3)
