"""bpf(BPF_MAP_CREATE).

Programs in the kernel; the verifier has been wrong again and again.
"""

import struct

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make an array map."""
    call(321, 0, struct.pack("=IIII", 2, 4, 4, 1) + bytes(112), 128)
