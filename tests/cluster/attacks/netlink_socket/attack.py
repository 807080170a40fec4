"""A netlink socket.

Routes, neighbours and firewall rules are read and written there.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 16, 3, 0)
