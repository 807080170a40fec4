"""fsopen, the first of the new mount calls.

A filter that knows only mount(2) is passed by.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Open a file system to be mounted."""
    call(430, b"tmpfs", 0)
