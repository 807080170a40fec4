"""memfd_create.

A file without a path, which a rule on paths can't forbid to execute.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make one."""
    call(319, b"attack", 0)
