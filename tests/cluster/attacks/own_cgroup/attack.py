"""The own control group.

One line, and the memory limit is gone; with release_agent of old, root on the node.
"""

import os


def attack() -> None:
    """Open it for writing."""
    os.close(os.open("/sys/fs/cgroup/memory.max", os.O_WRONLY))
