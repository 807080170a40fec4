"""An empty patch of a Secret, whose answer is the whole Secret.

A right to write that is a right to read.
"""

from tests.support.attacks.outside import ADMINISTRATOR, PANEL, Place


def attack(place: Place) -> None:
    """Patch it."""
    who = [] if place.is_bare else [PANEL] if place.is_hardened else [PANEL, ADMINISTRATOR]
    where = ("-n", place.tenant.namespace, "--dry-run=server", "-o", "json")
    place.ask("patch", "secret", "paper-keys-1", *where, "--type=merge", "-p", "{}", *who)
