"""A setting of the kernel, for every container of the node.

core_pattern names a program that the node runs as root when a process crashes.
"""

import os


def attack() -> None:
    """Open it for writing."""
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
