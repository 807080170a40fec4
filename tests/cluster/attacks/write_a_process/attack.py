"""process_vm_writev.

Another process's memory, its code included.
"""

from tests.support.attacks.hostile import call, in_a_bystander, make_vectors


def attack() -> None:
    """Write a bystander's memory."""
    local, remote = make_vectors()
    in_a_bystander(lambda pid: call(311, pid, local, 1, remote, 1, 0))
