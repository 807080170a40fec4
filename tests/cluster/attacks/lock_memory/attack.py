"""mlock.

Locked pages can't be reclaimed when the node runs short.
"""

from tests.support.attacks.hostile import BUFFER, call


def attack() -> None:
    """Lock a page."""
    call(149, BUFFER, 4096)
