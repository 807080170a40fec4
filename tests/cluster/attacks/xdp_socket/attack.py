"""An AF_XDP socket.

Frames straight from the driver, past every filter of the network.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 44, 3, 0)
