"""/proc/sysrq-trigger.

One letter, and the node reboots.
"""

import os


def attack() -> None:
    """Open it for writing."""
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))
