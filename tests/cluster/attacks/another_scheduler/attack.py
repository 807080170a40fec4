"""sched_setscheduler.

With SCHED_FIFO an algorithm would keep a core to itself.
"""

import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Take SCHED_BATCH, which no privilege is needed for."""
    call(144, 0, 3, struct.pack("=i", 0))
