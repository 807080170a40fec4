"""Six thousand questions, and no answer read.

The answers wait in the gateway's memory.
"""

from tests.support.attacks.hostile import OrderSocket, Refused


def attack() -> None:
    """Ask without reading; being let go on is what it is about."""
    door = OrderSocket()
    door.greet()
    try:
        for _ in range(6000):
            door.send(["CancelAllOrders", 1])
    except (BrokenPipeError, ConnectionResetError):
        raise Refused("DROPPED") from None
