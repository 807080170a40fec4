"""An ICMP echo socket, which most systems give to everybody.

Data leaves in the payload of a ping.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 2, 2, 1)
