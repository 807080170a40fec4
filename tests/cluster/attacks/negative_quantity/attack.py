"""A negative quantity.

Its notional is below every limit.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Order it."""
    door = OrderSocket()
    door.greet()
    door.ask(["SubmitOrder", 1, "BTCUSDT", "BUY", "MARKET", "-1"])
