"""keyctl.

The session keyring may be the node's own.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask for the process keyring."""
    call(250, 0, -2, 1)
