"""A link beside the ring, for the gateway to follow.

The trusted side that opens what the other side may plant is how most sandboxes broke.
"""

from pathlib import Path


def attack() -> None:
    """Plant it."""
    path = Path("/run/stockade/link")
    path.symlink_to("/keys/apiSecret")
    path.unlink()
