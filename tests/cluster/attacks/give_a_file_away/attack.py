"""chown, to the owner the file has already.

With a right too many, a file of the gateway's uid.
"""

import os
import tempfile


def attack() -> None:
    """Make the call."""
    with tempfile.NamedTemporaryFile() as file:
        os.chown(file.name, os.getuid(), os.getgid())
