"""msgget.

A queue in the IPC namespace that the containers of a pod share.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make a queue."""
    call(68, 0, 0o1600)
