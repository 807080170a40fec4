"""setns into a namespace by its file; the own one will do.

With a descriptor of the node's namespaces it would be a way out.
"""

import os

from tests.support.attacks.hostile import call


def attack() -> None:
    """Enter the IPC namespace this process is in."""
    call(308, os.open("/proc/self/ns/ipc", os.O_RDONLY), 0)
