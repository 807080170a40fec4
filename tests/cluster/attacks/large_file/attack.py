"""A file of 300 MiB, sparse, in memory.

Its pages would come later, one at a time.
"""

import signal
import tempfile


def attack() -> None:
    """Make it that long."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with tempfile.TemporaryFile() as file:
        file.truncate(300 * 1024 * 1024)
