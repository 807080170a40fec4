"""io_uring_setup.

Operations on the ring, sockets among them, pass no seccomp filter.
"""

from tests.support.attacks.hostile import BUFFER, call


def attack() -> None:
    """Make a ring."""
    call(425, 8, BUFFER)
