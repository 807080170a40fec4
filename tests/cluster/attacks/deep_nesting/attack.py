"""An array in an array, 8000 deep.

A decoder that calls itself dies of it.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Send it."""
    door = OrderSocket()
    door.greet()
    door.ask(b"\x91" * 8000 + b"\xc0")
