"""unshare(CLONE_NEWUSER).

Inside it the process has every capability, and most of the kernel's attack surface.
"""

from tests.support.attacks.hostile import NEW_USER, call


def attack() -> None:
    """Become root of an own namespace."""
    call(272, NEW_USER)
