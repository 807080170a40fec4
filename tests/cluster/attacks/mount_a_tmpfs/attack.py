"""mount(2) of a tmpfs.

The read-only root and the read-only ring are mounts; whoever mounts undoes them.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Mount over a folder."""
    call(165, b"none", b"/mnt", b"tmpfs", 0, None)
