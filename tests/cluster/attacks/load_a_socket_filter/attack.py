"""setsockopt(SO_ATTACH_FILTER) on a Unix socket.

A program in the kernel without the call bpf.
"""

import ctypes
import socket
import struct


def attack() -> None:
    """Attach a filter of one instruction."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).setsockopt(socket.SOL_SOCKET, 26, program)
