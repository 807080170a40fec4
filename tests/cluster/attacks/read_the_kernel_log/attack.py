"""syslog.

The kernel's log tells addresses and names of other pods.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for the size of the log."""
    call(103, 10, None, 0)
