"""fanotify_init.

It sees every opened file of a mount, and may answer for the kernel whether it may be opened.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for a group."""
    call(300, 0, 0)
