"""The Secret with the keys, as the gateway mounts it.

The shortest way to the money.
"""

from pathlib import Path

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Read the secret."""
    found = next(Path("/keys").rglob("apiSecret"), None)
    if found is None:
        raise Refused("NOTHING")
    found.read_text()
