"""The own control group.

One line, and the memory limit is gone; with release_agent of old, root on the node.
"""

import os
from pathlib import Path


def attack() -> None:
    """Open it for writing."""
    version_2, version_1 = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")
    os.close(os.open(version_2 if version_2.exists() else version_1, os.O_WRONLY))
