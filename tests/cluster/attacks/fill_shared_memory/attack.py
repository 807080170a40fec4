"""48 MiB in /dev/shm, which the runtime shares between the containers of a pod.

Full, it is full for the gateway; and what one writes, the other reads.
"""

import os
import tempfile


def attack() -> None:
    """Ask for them at once."""
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, 48 << 20)
