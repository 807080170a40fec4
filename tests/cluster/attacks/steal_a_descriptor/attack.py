"""pidfd_open and pidfd_getfd.

A connected socket of another process, taken out of it.
"""

from tests.support.attacks.hostile import call, in_a_bystander


def attack() -> None:
    """Take a bystander's standard output."""
    in_a_bystander(lambda pid: call(438, call(434, pid, 0), 1, 0))
