"""The gateway's process.

What can be seen can be read, signalled and traced.
"""

from tests.support.attacks.hostile import find_the_gateway


def attack() -> None:
    """Look for it."""
    find_the_gateway()
