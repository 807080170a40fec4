"""A Secret with keys, read with the panel's rights.

Whoever takes the panel over has them.
"""

from tests.support.attacks.outside import ADMINISTRATOR, PANEL, Place


def attack(place: Place) -> None:
    """Read it; a panel with an administrator's rights would get it, and an administrator does."""
    who = [] if place.is_bare else [PANEL] if place.is_hardened else [PANEL, ADMINISTRATOR]
    place.ask("get", "secret", "paper-keys-1", "-n", place.tenant.namespace, *who)
