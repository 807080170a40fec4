"""A signal to every process there is.

kill(-1) needs no number.
"""

import os


def attack() -> None:
    """Ask whether there is anybody to signal."""
    os.kill(-1, 0)
