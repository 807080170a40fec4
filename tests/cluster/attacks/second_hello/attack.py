"""A second Hello on the same connection.

It would set counters and states anew.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Say it twice."""
    door = OrderSocket()
    door.greet()
    door.ask(["Hello", 1, [True, True, 7, True], "Hostile"])
