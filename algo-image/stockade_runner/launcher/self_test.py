"""The self-test: tries each forbidden thing in a child; one success means that no user's code may run here.

Apart from the attack list of the tests, which is longer: this one runs at every start of every algorithm, in
milliseconds.
"""

import ctypes
import errno
import mmap
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from stockade_runner.launcher.linux import call_kernel
from stockade_runner.launcher.policy import Policy

REFUSALS: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT})
"""Any other errno means that the call passed the filter and failed for its arguments."""

_FAMILIES: Final = {
    "AF_INET": 2,
    "AF_AX25": 3,
    "AF_INET6": 10,
    "AF_NETLINK": 16,
    "AF_PACKET": 17,
    "AF_CAN": 29,
    "AF_TIPC": 30,
    "AF_BLUETOOTH": 31,
    "AF_ALG": 38,
    "AF_VSOCK": 40,
    "AF_XDP": 44,
}
_CALLS: Final = (
    "add_key",
    "bpf",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "keyctl",
    "memfd_create",
    "mount",
    "open_by_handle_at",
    "perf_event_open",
    "pidfd_getfd",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "setns",
    "shmget",
    "splice",
    "unshare",
    "userfaultfd",
    "bind",
    "listen",
    "clone3",
)
_NEW_NAMESPACES: Final = 0x7E020000
_TIOCSTI: Final = 0x5412
_X32_SOCKET: Final = 0x40000000 + 41

# mov eax, 359 (socket); mov ebx, 2 (AF_INET); mov ecx, 1; xor edx, edx; int 0x80; ret, with rbx kept as the ABI
# demands.
_I386_SOCKET: Final = bytes.fromhex("53b867010000bb02000000b90100000031d2cd805bc3")


def find_holes(policy: Policy) -> list[str]:
    """Return the names of everything forbidden that worked; an empty list is what you want."""
    holes = _run_in_child(lambda: _try_calls(policy))
    if policy.machine == "x86_64":
        holes += _run_in_child(_try_i386_socket, expected_death=signal.SIGSYS)
        holes += _run_in_child(_try_x32_call, expected_death=signal.SIGSYS)
    return holes


def read_status() -> tuple[bool, bool]:
    """Return what the kernel itself says of this process: whether no_new_privs is set, and whether a filter is on."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - nothing but open before exec
        fields = dict(line.split(":", 1) for line in status if ":" in line)
    return fields["NoNewPrivs"].strip() == "1", fields["Seccomp"].strip() == "2"


def _try_calls(policy: Policy) -> list[str]:
    numbers = {name: number for number, name in policy.names.items()}
    attempts: dict[str, Callable[[], object]] = {}
    for name, family in _FAMILIES.items():
        attempts[f"socket({name})"] = partial(socket.socket, family, socket.SOCK_RAW)
    attempts["socket(AF_INET, SOCK_STREAM)"] = partial(socket.socket, socket.AF_INET, socket.SOCK_STREAM)
    attempts["socketpair(AF_INET)"] = partial(socket.socketpair, socket.AF_INET)
    for name in _CALLS:
        attempts[name] = partial(call_kernel, numbers[name], 0, 0, 0, 0, 0, 0)
    attempts["clone(CLONE_NEW*)"] = partial(call_kernel, numbers["clone"], _NEW_NAMESPACES | signal.SIGCHLD, 0, 0, 0, 0)
    attempts["ioctl(TIOCSTI)"] = partial(call_kernel, numbers["ioctl"], 0, _TIOCSTI, b"x")
    return [name for name, attempt in attempts.items() if not _is_refused(attempt)]


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        return error.errno in REFUSALS
    return False


def _try_i386_socket() -> list[str]:
    code = mmap.mmap(-1, len(_I386_SOCKET), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(_I386_SOCKET)
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    return ["int 0x80"]


def _try_x32_call() -> list[str]:
    # The filter has to kill it; that most kernels have no x32 would not be the filter's merit.
    with suppress(OSError):
        call_kernel(_X32_SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
    return ["x32 call"]


def _run_in_child(attack: Callable[[], list[str]], expected_death: int | None = None) -> list[str]:
    """Return what the attack reports; nothing when the kernel ended it by the expected signal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        report = "\n".join(_report_attack(attack))
        os.write(writing, report.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        report = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        death = os.WTERMSIG(status)
        return [] if death == expected_death else [f"the self-test's child died of signal {death}"]
    return report.splitlines()


def _report_attack(attack: Callable[[], list[str]]) -> list[str]:
    try:
        return attack()
    except Exception as error:  # noqa: BLE001 - the child's outermost frame: whatever went wrong, it proves nothing
        return [f"the self-test itself failed: {error!r}"]
