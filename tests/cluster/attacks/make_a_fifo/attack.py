"""mknod of a FIFO.

The call that makes devices as well.
"""

import os
import tempfile


def attack() -> None:
    """Make it below /tmp."""
    with tempfile.TemporaryDirectory() as folder:
        os.mknod(f"{folder}/fifo", 0o600 | 0o010000)
