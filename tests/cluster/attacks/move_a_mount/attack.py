"""fsopen, fsconfig, fsmount and move_mount, the new way to mount, step by step.

The last step alone would do with a descriptor that somebody else passed.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make a tmpfs and put it on /mnt."""
    context = call(430, b"tmpfs", 0)
    call(431, context, 6, None, None, 0)
    call(429, call(432, context, 0, 0), b"", -100, b"/mnt", 4)
