"""The Secret with the keys, as the gateway mounts it.

The shortest way to the money.
"""

from pathlib import Path


def attack() -> None:
    """Read the secret."""
    Path("/keys/apiSecret").read_text()
