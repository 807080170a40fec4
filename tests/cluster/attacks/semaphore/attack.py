"""semget.

A semaphore in the IPC namespace that the containers of a pod share.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make one."""
    call(64, 0, 1, 0o1600)
