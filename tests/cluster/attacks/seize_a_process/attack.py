"""ptrace(PTRACE_SEIZE).

The tracer of another process reads and writes all of it.
"""

from tests.support.attacks.hostile import call, in_a_bystander


def attack() -> None:
    """Become the tracer of a bystander."""
    in_a_bystander(lambda pid: call(101, 0x4206, pid, 0, 0))
