"""A second connection beside the first.

Two sessions are two counts of what was asked for, and two queues.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Greet on the second while the first is open."""
    first = OrderSocket()
    first.greet()
    second = OrderSocket()
    second.ask(["CancelAllOrders", 1])
    first.socket.close()
