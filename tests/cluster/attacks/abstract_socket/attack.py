"""Connect to an abstract Unix socket of somebody else in the pod's network namespace.

Abstract names have no folder and no mode: whoever shares the network reaches them.
"""

from tests.support.attacks.hostile import connect_to_the_neighbour


def attack() -> None:
    """Connect to one that the runner of this suite has opened there."""
    connect_to_the_neighbour()
