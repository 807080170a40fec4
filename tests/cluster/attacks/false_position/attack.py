"""A report of a position, as only the gateway makes them.

The panel would show what the algorithm likes.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Report it."""
    door = OrderSocket()
    door.greet()
    door.ask(["PositionChanged", "BTCUSDT", "1", "1", "1000000"])
