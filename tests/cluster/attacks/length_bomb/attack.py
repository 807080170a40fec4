"""An array that says it has four thousand million items, and has none.

A decoder that makes room first has no memory left.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Send it."""
    door = OrderSocket()
    door.greet()
    door.ask(b"\xdd\xff\xff\xff\xff")
