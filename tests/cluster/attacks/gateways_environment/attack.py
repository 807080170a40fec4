"""The gateway's environment.

Where a careless program would have its keys.
"""

from pathlib import Path

from tests.support.attacks.hostile import find_the_gateway


def attack() -> None:
    """Read it."""
    Path(f"/proc/{find_the_gateway()}/environ").read_bytes()
