"""seccomp(SECCOMP_GET_NOTIF_SIZES).

A filter with a listener could answer calls of a child in the kernel's place.
"""

from tests.support.attacks.hostile import BUFFER, call


def attack() -> None:
    """Ask for the sizes, as whoever installs a listener does first."""
    call(317, 3, 0, BUFFER)
