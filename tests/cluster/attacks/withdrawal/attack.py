"""A message that asks for a withdrawal.

A gateway that passes on what it does not know would sign it.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Ask."""
    door = OrderSocket()
    door.greet()
    door.ask(["Withdraw", 1, "BTC", "1", "attacker"])
