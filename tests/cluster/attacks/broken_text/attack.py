"""Text that is no UTF-8.

It breaks where it is logged, long after it was decoded.
"""

from tests.support.attacks.hostile import OrderSocket


def attack() -> None:
    """Send it as an order's symbol."""
    door = OrderSocket()
    door.greet()
    door.ask(b"\x97\xabSubmitOrder\x01\xa2\xff\xfe\xa3BUY\xa6MARKET\xa11\xc0")
