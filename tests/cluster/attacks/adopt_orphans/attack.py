"""prctl(PR_SET_CHILD_SUBREAPER).

A process that collects its descendants hides them from whoever counts them.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Become their reaper."""
    call(157, 36, 1, 0, 0, 0)
