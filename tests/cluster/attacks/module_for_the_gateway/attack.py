"""A module in the only folder that both containers have.

Were it on the gateway's path, or its working folder, the gateway would run it.
"""

from pathlib import Path


def attack() -> None:
    """Leave one beside the ring."""
    path = Path("/run/stockade/sitecustomize.py")
    path.write_text("")
    path.unlink()
