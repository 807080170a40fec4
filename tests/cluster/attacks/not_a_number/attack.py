"""NaN as a quantity.

It is neither above nor below any limit.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Order it."""
    door = OrderSocket()
    door.greet()
    door.ask(["SubmitOrder", 1, "BTCUSDT", "BUY", "MARKET", "NaN"])
