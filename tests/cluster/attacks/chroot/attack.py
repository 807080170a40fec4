"""chroot.

The classic way to break path checks, and out of another chroot.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Change the root."""
    call(161, b"/tmp")
