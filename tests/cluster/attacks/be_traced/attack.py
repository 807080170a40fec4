"""ptrace(PTRACE_TRACEME).

A traced process is steered by its parent; filters of old kernels were passed by this way.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Ask to be traced."""
    call(101, 0, 0, 0, 0)
