"""shmget.

System V memory lies in the IPC namespace that the containers of a pod share.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make a segment."""
    call(29, 0, 4096, 0o1600)
