"""sched_setaffinity.

Sitting on the gateway's core is the first step to timing its caches.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for every core."""
    call(203, 0, 8, b"\xff" * 8)
