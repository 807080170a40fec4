"""The container's output, opened anew through the first process's /proc/1/fd.

What is written there comes into the log unbounded: the node's disk, and the time of a runtime in no pod's share.
"""

import os


def attack() -> None:
    """Open it for writing."""
    os.close(os.open("/proc/1/fd/1", os.O_WRONLY))
