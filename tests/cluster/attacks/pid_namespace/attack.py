"""unshare(CLONE_NEWPID) together with a user namespace.

It gives process numbers of one's own.
"""

from tests.support.attacks.hostile import NEW_PID, become_root_of_a_namespace


def attack() -> None:
    """Enter both at once, as rootless programs do."""
    become_root_of_a_namespace(NEW_PID)
