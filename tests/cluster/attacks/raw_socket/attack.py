"""A raw IPv4 socket (ICMP by hand).

Forged packets, and a covert channel that no port rule sees.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 2, 3, 1)
