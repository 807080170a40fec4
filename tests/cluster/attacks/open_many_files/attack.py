"""Three hundred open files.

Open files are a table of the node's.
"""

import os


def attack() -> None:
    """Open and keep them."""
    for _ in range(300):
        os.open("/dev/null", os.O_RDONLY)
