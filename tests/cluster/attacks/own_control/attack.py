"""The control file, by which the operator sets limits and the kill switch.

Whoever reads it knows what is watched; whoever writes it has no limits.
"""

from pathlib import Path


def attack() -> None:
    """Read it."""
    Path("/control/control").read_text()
