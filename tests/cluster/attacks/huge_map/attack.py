"""A map of four thousand million entries instead of a message.

As the array, and with keys to hash.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Send it."""
    door = OrderSocket()
    door.greet()
    door.ask(b"\xdf\xff\xff\xff\xff\xa1a")
