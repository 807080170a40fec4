"""What the attacks have in common: system calls by number, refusals without an errno, a bystander to attack.

Its text travels into the pods together with the attacks, so it needs nothing but what the algorithm's image holds.
Numbers of calls are x86-64's; `NUMBERS` has those of another machine.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from stockade_wire import PROTOCOL_VERSION
from stockade_wire.messages import Hello, LauncherReport, encode_request

NEW_USER, NEW_NET, NEW_NS, NEW_IPC, NEW_PID = 0x10000000, 0x40000000, 0x00020000, 0x08000000, 0x20000000
TARGETS: dict[str, str] = {}
"""Addresses of the cluster, filled in by `bundle.py`."""
NUMBERS: dict[int, int] = {}
"""This machine's number for one of x86-64's, filled in by `bundle.py`; empty where the attacks run on x86-64."""
NEIGHBOUR = "stockade-neighbour"
"""An abstract socket that the runner of the suite listens on in each pod's network namespace."""
RING, DOOR = "/run/stockade/market.ring", "/run/stockade/orders.sock"
HELLO = Hello(
    PROTOCOL_VERSION, LauncherReport(no_new_privs=True, seccomp=True, landlock_abi=7, self_test_passed=True), "Hostile"
)
BUFFER = ctypes.create_string_buffer(4096)
"""Somewhere for the kernel to write."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Refused(Exception):  # noqa: N818 - a verdict like any other, no error of the attack's
    """The attack failed, and no errno says so; the verdict is one word."""


def call(number: int, *arguments: object) -> int:
    """Make a system call; raises OSError."""
    words = [ctypes.c_ulong(item & (2**64 - 1)) if isinstance(item, int) else item for item in arguments]
    result = int(_libc.syscall(ctypes.c_long(NUMBERS.get(number, number)), *words))
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def reach(error: int, number: int, *arguments: object) -> None:
    """Make a call that fails with `error` where it is let through: the kernel's own answer to senseless arguments."""
    try:
        call(number, *arguments)
    except OSError as refusal:
        if refusal.errno != error:
            raise


def become_root_of_a_namespace(*more: int) -> None:
    """Enter a user namespace, and others with it, in which this process has every capability."""
    flags = NEW_USER
    for flag in more:
        flags |= flag
    call(272, flags)


def in_a_bystander(steer: Callable[[int], object]) -> None:
    """Do something to a process of one's own that does nothing."""
    bystander = os.fork()
    if bystander == 0:
        time.sleep(60)
        os._exit(0)
    try:
        steer(bystander)
    finally:
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)


def make_vectors() -> tuple[bytes, bytes]:
    """Return a local and a remote vector for `process_vm_readv` between a process and its fork."""
    place = ctypes.addressof(BUFFER)
    return struct.pack("=QQ", place, 8), struct.pack("=QQ", place + 64, 8)


def connect_to_the_neighbour() -> None:
    """Connect to the abstract socket, once it is there."""
    ends = time.monotonic() + 10
    while f"@{NEIGHBOUR}" not in Path("/proc/net/unix").read_text() and time.monotonic() < ends:
        time.sleep(0.1)
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("\0" + NEIGHBOUR)


def find_the_gateway() -> int:
    """Return the number of the gateway's process; Refused when it can't be seen."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and b"gateway" in (path / "cmdline").read_bytes():
            return int(path.name)
    raise Refused("NOTHING")


class OrderSocket:
    """A connection to the gateway's order socket, by hand."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(DOOR)

    def send(self, message: object) -> None:
        """Send one message, or bytes as they are."""
        self.socket.send(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))

    def greet(self, message: object = None) -> list[int]:
        """Say Hello as the runner does, or something else first; returns the descriptors that came with the answer.

        Waits while the last attack's connection is being let go.
        """
        ends = time.monotonic() + 8
        while True:
            try:
                self.send(encode_request(HELLO) if message is None else message)
                return self._wait_for("Welcome", "OrderReply")
            except Refused as refusal:
                if str(refusal) != "BUSY" or time.monotonic() > ends:
                    raise
            time.sleep(0.1)
            self.__init__()  # type: ignore[misc]  # a connection anew

    def ask(self, message: object) -> None:
        """Send a message, and a good one after it, which is answered by whoever swallowed the first."""
        with contextlib.suppress(BrokenPipeError):
            self.send(message)
            self.send(["CancelAllOrders", 1])
        self._wait_for("OrderReply")

    def _wait_for(self, *tags: str) -> list[int]:
        while True:
            try:
                datagram, descriptors, _, _ = socket.recv_fds(self.socket, 1 << 16, 16)
            except ConnectionResetError:
                # Said once, by a gateway that left something unread; what it had to say comes next.
                continue
            if not datagram:
                raise Refused("CLOSED")
            tag, *fields = msgspec.msgpack.decode(datagram)
            if tag == "Refused":
                raise Refused(fields[0])
            if tag in tags:
                return descriptors
