"""The policy as a seccomp filter: classic BPF, assembled here and loaded without a library.

Apart from the policy because bytes are for the kernel; a test runs them in an interpreter and compares every decision.
"""

import ctypes
import errno
import struct
from typing import Final, NamedTuple

from stockade_runner.launcher.errors import ConfinementError
from stockade_runner.launcher.linux import call_kernel
from stockade_runner.launcher.policy import ArgumentRule, Policy

# linux/bpf_common.h
LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_NOT_BELOW: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
JUMP_IF_BITS: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K

# linux/seccomp.h
RET_KILL_PROCESS: Final = 0x80000000
RET_ERRNO: Final = 0x00050000
RET_ALLOW: Final = 0x7FFF0000
SET_MODE_FILTER: Final = 1
FLAG_TSYNC: Final = 1

# struct seccomp_data
NUMBER_OFFSET: Final = 0
ARCHITECTURE_OFFSET: Final = 4
ARGUMENTS_OFFSET: Final = 16

# linux/audit.h
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT: Final = 0x40000000
"""Calls of the x32 ABI report the architecture of x86-64 and have this bit in their number."""

_SECCOMP_NUMBERS: Final = {"x86_64": 317, "aarch64": 277}


class Instruction(NamedTuple):
    """One `struct sock_filter`; the jumps say how many instructions to skip."""

    code: int
    jump_true: int
    jump_false: int
    constant: int


def assemble_filter(policy: Policy) -> list[Instruction]:
    """Return the program that decides as the policy does, and kills what calls by another architecture."""
    program = [
        Instruction(LOAD, 0, 0, ARCHITECTURE_OFFSET),
        Instruction(JUMP_EQUAL, 1, 0, ARCHITECTURES[policy.machine]),
        Instruction(RETURN, 0, 0, RET_KILL_PROCESS),
        Instruction(LOAD, 0, 0, NUMBER_OFFSET),
        Instruction(JUMP_NOT_BELOW, 0, 1, X32_BIT),
        Instruction(RETURN, 0, 0, RET_KILL_PROCESS),
    ]
    for number in sorted(policy.allowed - policy.rules.keys()):
        program += _assemble_case(number, [Instruction(RETURN, 0, 0, RET_ALLOW)])
    for number, rule in sorted(policy.rules.items()):
        program += _assemble_case(number, _assemble_rule(rule))
    for number, code in sorted(policy.denied.items()):
        program += _assemble_case(number, [Instruction(RETURN, 0, 0, RET_ERRNO | code)])
    program.append(Instruction(RETURN, 0, 0, RET_ERRNO | errno.ENOSYS))
    return program


def encode_filter(program: list[Instruction]) -> bytes:
    """Return the program as an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def install_filter(program: list[Instruction], machine: str) -> None:
    """Put the filter on every thread of this process, for good; raises ConfinementError."""
    code = ctypes.create_string_buffer(encode_filter(program))
    # struct sock_fprog: the length, and where the array is.
    description = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    try:
        failed_thread = call_kernel(_SECCOMP_NUMBERS[machine], SET_MODE_FILTER, FLAG_TSYNC, description)
    except OSError as error:
        raise ConfinementError(f"the kernel refused the seccomp filter: {error.strerror}") from error
    if failed_thread:
        raise ConfinementError(f"thread {failed_thread} kept out of the seccomp filter")


def _assemble_case(number: int, body: list[Instruction]) -> list[Instruction]:
    return [Instruction(JUMP_EQUAL, 0, len(body), number), *body]


def _assemble_rule(rule: ArgumentRule) -> list[Instruction]:
    """Return the instructions that end with ALLOW or the rule's errno; the accumulator holds the argument then."""
    allow = Instruction(RETURN, 0, 0, RET_ALLOW)
    refuse = Instruction(RETURN, 0, 0, RET_ERRNO | rule.errno)
    # Little-endian on both architectures: the low half of an argument comes first.
    load = Instruction(LOAD, 0, 0, ARGUMENTS_OFFSET + 8 * rule.index)
    if rule.only:
        tests = [Instruction(JUMP_EQUAL, len(rule.only) - place, 0, value) for place, value in enumerate(rule.only)]
        return [load, *tests, refuse, allow]
    tests = [Instruction(JUMP_EQUAL, len(rule.never) - place, 0, value) for place, value in enumerate(rule.never)]
    if rule.never_bits:
        tests = [Instruction(JUMP_IF_BITS, 1, 0, rule.never_bits)]
    return [load, *tests, allow, refuse]
