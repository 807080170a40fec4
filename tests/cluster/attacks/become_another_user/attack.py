"""setuid.

As the gateway's uid the algorithm might open what is the gateway's.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Become the gateway's uid."""
    call(105, 10001)
