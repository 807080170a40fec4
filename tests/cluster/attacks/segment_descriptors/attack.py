"""modify_ldt.

Rarely used, and a way into the kernel more than once.
"""

from tests.support.attacks.hostile import BUFFER, call


def attack() -> None:
    """Read the table."""
    call(154, 0, BUFFER, 16)
