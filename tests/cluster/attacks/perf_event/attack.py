"""perf_event_open.

Counters that tell what the gateway's core is doing, and a long list of kernel holes.
"""

import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Count the own context switches."""
    call(298, struct.pack("=IIQ", 1, 128, 0) + bytes(112), 0, -1, -1, 0)
