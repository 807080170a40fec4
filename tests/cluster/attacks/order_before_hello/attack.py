"""An order before Hello.

Without it no launcher was ever asked for.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Send it first."""
    door = OrderSocket()
    door.greet(["CancelAllOrders", 1])
