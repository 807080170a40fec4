"""Runs the attack list behind a launcher, or bare: `confinement_stages.py [LAUNCHER]`.

A script of its own, because a process that was confined stays so. Works in namespaces of its own, so that an attack
that succeeds changes nothing on this machine.
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

from tests.support.attacks import NEW_IPC, NEW_NS, OUTSIDE_SOCKET, run_attacks

ROOT = Path(__file__).resolve().parents[2]
_NEW_UTS = 0x04000000
_KEEP_PRIVATE = 0x44000  # MS_REC | MS_PRIVATE
_ATTACK = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.support import confinement_stages as stage; "


def leave_the_machine_alone() -> None:
    """Enter namespaces of mounts, host name and IPC that end with this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    for failed in (
        libc.unshare(NEW_NS | NEW_IPC | _NEW_UTS),
        libc.mount(b"none", b"/", None, _KEEP_PRIVATE, None),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), "namespaces of its own: the attack list needs root")


def attack() -> None:
    """Print what came of every attack, as JSON."""
    sys.stdout.write(json.dumps(run_attacks()))
    sys.stdout.flush()


def main(launcher: list[str]) -> None:
    """Attack from a child that has the launcher's confinement, with something outside of it to be attacked."""
    outside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    outside.bind(OUTSIDE_SOCKET)
    outside.listen(8)
    leave_the_machine_alone()
    environment = {"PATH": os.environ["PATH"], "STOCKADE_OUTSIDE_PID": str(os.getpid())}
    command = [*launcher, sys.executable, "-I", "-B", "-c", _ATTACK + "stage.attack()"]
    child = os.posix_spawn(command[0], command, environment)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
