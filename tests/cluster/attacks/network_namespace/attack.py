"""unshare(CLONE_NEWNET) together with a user namespace.

It gives firewall tables and interfaces to attack the kernel with.
"""

from tests.support.attacks.hostile import NEW_NET, become_root_of_a_namespace


def attack() -> None:
    """Enter both at once, as rootless programs do."""
    become_root_of_a_namespace(NEW_NET)
