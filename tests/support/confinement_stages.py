"""Runs the attack list at one stage of the launcher's confinement: `bare`, `without-seccomp` or `hardened`.

A script of its own, because a process that was confined stays so. Works in namespaces of its own, so that an attack
that succeeds changes nothing on this machine.
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

from stockade_runner.launcher.landlock import restrict_process
from stockade_runner.launcher.linux import set_no_new_privs
from stockade_runner.launcher.start import EXECUTABLE, WRITABLE, close_descriptors, confine, set_limits
from tests.support.attacks import NEW_IPC, NEW_NS, OUTSIDE_SOCKET, run_attacks

STAGES = ("bare", "without-seccomp", "hardened")
_NEW_UTS = 0x04000000
_KEEP_PRIVATE = 0x44000  # MS_REC | MS_PRIVATE


def leave_the_machine_alone() -> None:
    """Enter namespaces of mounts, host name and IPC that end with this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    for failed in (
        libc.unshare(NEW_NS | NEW_IPC | _NEW_UTS),
        libc.mount(b"none", b"/", None, _KEEP_PRIVATE, None),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), "namespaces of its own: the attack list needs root")


def confine_up_to(stage: str) -> None:
    """Raise the launcher's defences, all of them or all but one."""
    if stage == "hardened":
        confine(Path("/nonexistent"))
    elif stage == "without-seccomp":
        close_descriptors()
        set_limits()
        set_no_new_privs()
        prefixes = (*EXECUTABLE, sys.prefix, sys.base_prefix)
        restrict_process(map(Path, prefixes), map(Path, WRITABLE))


def main(stage: str) -> None:
    """Print what came of every attack, as JSON."""
    outside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    outside.bind(OUTSIDE_SOCKET)
    outside.listen(8)
    os.environ["STOCKADE_OUTSIDE_PID"] = str(os.getpid())
    reading, writing = os.pipe()
    leave_the_machine_alone()
    if os.fork() == 0:
        os.dup2(writing, 1)
        confine_up_to(stage)
        sys.stdout.write(json.dumps(run_attacks()))
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        sys.stdout.write(pipe.read())


if __name__ == "__main__":
    main(sys.argv[1])
