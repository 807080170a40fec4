"""setpriority.

Refused both ways: how the cores are shared with the gateway is up to the pod's cpu limits.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Become nicer, which no privilege is needed for."""
    call(141, 0, 0, 19)
