"""An IPv6 TCP socket.

The protocol that a list of IPv4 rules forgets.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 10, 1, 0)
