"""A packet socket, which sniffs and forges frames.

The gateway's signed requests to the exchange pass by on the same interface.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 17, 3, 0)
