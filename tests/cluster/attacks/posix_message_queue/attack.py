"""mq_open.

POSIX queues lie in the shared IPC namespace, too, and fill kernel memory.
"""

import os

from tests.support.attacks.hostile import call


def attack() -> None:
    """Make one."""
    call(240, b"stockade-attack", os.O_RDWR | os.O_CREAT, 0o600, None)
