"""ptrace(PTRACE_SEIZE) on the container's first process.

Steered by its tracer it writes whatever the tracer wants, wherever it may.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Become its tracer; the end of this process ends that."""
    call(101, 0x4206, 1, 0, 0)
