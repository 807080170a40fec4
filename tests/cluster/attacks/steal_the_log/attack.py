"""pidfd_open and pidfd_getfd on the container's first process.

Its standard output is the container's, past the pipe that the algorithm was given.
"""

import os

from tests.support.attacks.hostile import call


def attack() -> None:
    """Take it."""
    os.close(call(438, call(434, 1, 0), 1, 0))
