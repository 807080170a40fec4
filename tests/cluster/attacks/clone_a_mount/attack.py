"""open_tree(OPEN_TREE_CLONE).

A detached copy of the whole tree, to be attached with other flags by mount_setattr and move_mount.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Clone the root's mount."""
    call(428, -100, b"/", 1)
