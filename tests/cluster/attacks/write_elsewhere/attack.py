"""A file in /var/tmp, where only the root's mount forbids it.

What is written there survives the process and waits for the next one.
"""

from pathlib import Path


def attack() -> None:
    """Write and remove it."""
    path = Path("/var/tmp/stockade-attack")
    path.write_text("x")
    path.unlink()
