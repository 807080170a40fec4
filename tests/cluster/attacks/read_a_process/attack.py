"""process_vm_readv.

Another process's memory, keys included.
"""

from tests.support.attacks.hostile import call, in_a_bystander, make_vectors


def attack() -> None:
    """Read a bystander's memory."""
    local, remote = make_vectors()
    in_a_bystander(lambda pid: call(310, pid, local, 1, remote, 1, 0))
