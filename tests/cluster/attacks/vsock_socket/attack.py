"""A socket to the hypervisor.

No NetworkPolicy sees it.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open the socket; what it could do is the rest of the story."""
    call(41, 40, 1, 0)
