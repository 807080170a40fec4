"""A Hello that says the filter is off.

The gateway has to serve no algorithm that was not confined.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Say so."""
    door = OrderSocket()
    door.greet(["Hello", 1, [True, False, 0, True], "Hostile"])
