"""A quantity of 1e999999999.

Twelve characters, and a thousand million digits for whoever expands them.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Order it."""
    door = OrderSocket()
    door.greet()
    door.ask(["SubmitOrder", 1, "BTCUSDT", "BUY", "MARKET", "1e999999999"])
