"""A symbol that goes on as the query of another request.

It would be signed together with the rest.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Order it."""
    door = OrderSocket()
    door.greet()
    door.ask(["SubmitOrder", 1, "BTCUSDT&recvWindow=60000", "BUY", "MARKET", "1"])
