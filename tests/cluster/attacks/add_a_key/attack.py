"""add_key.

Keyrings belong to a uid on the node, not to a container: a hidden channel and a store.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Keep a text in the kernel."""
    call(248, b"user", b"stockade-attack", b"x", 1, -2)
