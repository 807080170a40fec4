"""System calls by number, through ctypes.

Apart from its users so that they read as what they do; the standard library has no seccomp, Landlock or prctl.
"""

import ctypes
import os
import platform

from stockade_runner.launcher.errors import ConfinementError

PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call_kernel(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call; raises OSError with its errno."""
    # A bare int would travel as 32 bits, with rubbish above it.
    words = [ctypes.c_ulong(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *words))
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def set_no_new_privs() -> None:
    """Give up every way to gain privileges by executing a file; seccomp and Landlock demand it."""
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise ConfinementError(f"no_new_privs was refused: {os.strerror(ctypes.get_errno())}")


def read_machine() -> str:
    """Return the architecture as the policy names it; raises ConfinementError for one it does not know."""
    machine = platform.machine()
    if machine not in ("x86_64", "aarch64"):
        raise ConfinementError(f"there is no policy for {machine!r} processors: run the pod on an amd64 node")
    return machine
