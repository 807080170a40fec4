"""Runs a seccomp program in Python: what the kernel would answer for one call.

Written from the kernel's `bpf_prog_run` for the five instructions our assembler uses, and not from the assembler.
"""

import struct


def run_filter(code: bytes, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """Return the program's verdict on a call."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
    accumulator = place = 0
    while True:
        operation, jump_true, jump_false, constant = struct.unpack_from("=HBBI", code, 8 * place)
        place += 1
        if operation == 0x06:
            return int(constant)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, constant)
        elif operation in (0x15, 0x35, 0x45):
            holds = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[operation]
            place += jump_true if holds else jump_false
        else:
            raise AssertionError(f"instruction {operation:#x} is not for a filter")
