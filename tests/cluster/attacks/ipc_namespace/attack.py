"""unshare(CLONE_NEWIPC) together with a user namespace.

It gives message queues out of reach of every limit.
"""

from tests.support.attacks.hostile import NEW_IPC, become_root_of_a_namespace


def attack() -> None:
    """Enter both at once, as rootless programs do."""
    become_root_of_a_namespace(NEW_IPC)
