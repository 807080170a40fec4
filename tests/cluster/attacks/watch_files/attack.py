"""inotify_init1.

Its instances are counted per uid of the node: one pod takes them from all others.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for an instance."""
    call(294, 0)
