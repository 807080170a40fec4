"""pidfd_send_signal.

Signals past a filter that knows only kill.
"""

from tests.support.attacks.hostile import call, in_a_bystander


def attack() -> None:
    """Ask whether a bystander may be signalled."""
    in_a_bystander(lambda pid: call(424, call(434, pid, 0), 0, None, 0))
