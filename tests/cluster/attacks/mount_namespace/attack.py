"""unshare(CLONE_NEWNS) together with a user namespace.

It gives mounts of one's own over everything that is read-only.
"""

from tests.support.attacks.hostile import NEW_NS, become_root_of_a_namespace


def attack() -> None:
    """Enter both at once, as rootless programs do."""
    become_root_of_a_namespace(NEW_NS)
