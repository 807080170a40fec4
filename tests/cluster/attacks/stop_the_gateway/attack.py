"""A signal to the gateway.

SIGSTOP, and no order is cancelled any more.
"""

import os

from tests.support.attacks.hostile import find_the_gateway


def attack() -> None:
    """Ask whether it may be signalled."""
    os.kill(find_the_gateway(), 0)
