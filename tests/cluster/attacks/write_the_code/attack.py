"""A sitecustomize.py among the platform's code, which the interpreter imports at every start.

After a crash it would run before the runner.
"""

from pathlib import Path


def attack() -> None:
    """Write it."""
    path = Path("/opt/stockade/code/sitecustomize.py")
    path.write_text("")
    path.unlink()
