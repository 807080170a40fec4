"""sethostname.

The UTS namespace belongs to the whole pod, the gateway included.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Rename the pod's host."""
    call(170, b"attacked", 8)
