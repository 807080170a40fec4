"""40 MiB in /tmp, which is memory.

Unbounded it would be the node's memory.
"""

import os
import tempfile


def attack() -> None:
    """Ask for them at once."""
    with tempfile.TemporaryFile(dir="/tmp") as file:
        os.posix_fallocate(file.fileno(), 0, 40 << 20)
