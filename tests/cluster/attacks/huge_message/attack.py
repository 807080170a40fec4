"""A message of 64 KiB.

A reader without a bound is the other side's memory.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Send it."""
    door = OrderSocket()
    door.greet()
    door.ask(b"\xc6\x00\x00\xff\xff" + bytes(65535))
