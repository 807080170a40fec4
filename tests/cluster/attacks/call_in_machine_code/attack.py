"""AF_INET by machine code of one's own, with no C library in between.

Native code is allowed to run; the filter has to hold for it just as well.
"""

import ctypes
import mmap
import os


def attack() -> None:
    """Run the instruction syscall with socket's number."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # mov eax, 41; mov edi, 2; mov esi, 1; xor edx, edx; syscall; ret
    code.write(bytes.fromhex("b829000000bf02000000be0100000031d20f05c3"))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    if result < 0:
        raise OSError(-result, os.strerror(-result))
