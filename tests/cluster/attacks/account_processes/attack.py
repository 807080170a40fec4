"""acct of no file.

It records every process that ends in the namespace.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Switch it off."""
    call(163, None)
