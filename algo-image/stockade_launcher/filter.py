"""The policy as a seccomp filter: classic BPF, assembled here and compiled into the launcher.

Apart from the policy because bytes are for the kernel; a test runs them in an interpreter and compares a million
decisions. A search tree, so that no call passes more than a dozen instructions on a kernel that runs it each time.
"""

import errno
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from stockade_launcher.policy import ArgumentRule, Policy, load_policy

# linux/bpf_common.h
LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP: Final = 0x05  # BPF_JMP | BPF_JA
JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_NOT_BELOW: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
JUMP_IF_BITS: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K
FARTHEST_CONDITIONAL_JUMP: Final = 255

# linux/seccomp.h
RET_KILL_PROCESS: Final = 0x80000000
RET_ERRNO: Final = 0x00050000
RET_ALLOW: Final = 0x7FFF0000

# struct seccomp_data
NUMBER_OFFSET: Final = 0
ARCHITECTURE_OFFSET: Final = 4
ARGUMENTS_OFFSET: Final = 16

# linux/audit.h
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT: Final = 0x40000000
"""Calls of the x32 ABI report the architecture of x86-64 and have this bit in their number."""


class Instruction(NamedTuple):
    """One `struct sock_filter`; the jumps say how many instructions to skip."""

    code: int
    jump_true: int
    jump_false: int
    constant: int


class Range(NamedTuple):
    """Consecutive call numbers, up to the next range, that are decided alike."""

    first: int
    body: list[Instruction]


def assemble_filter(policy: Policy) -> list[Instruction]:
    """Return the program that decides as the policy does, and kills what calls by another architecture."""
    return [
        Instruction(LOAD, 0, 0, ARCHITECTURE_OFFSET),
        Instruction(JUMP_EQUAL, 1, 0, ARCHITECTURES[policy.machine]),
        _answer(RET_KILL_PROCESS),
        Instruction(LOAD, 0, 0, NUMBER_OFFSET),
        *_assemble_search(_list_ranges(policy)),
    ]


def encode_filter(program: list[Instruction]) -> bytes:
    """Return the program as an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def write_header() -> str:
    """Return `policy.h`: the array POLICY, for whichever architecture is compiled for."""
    lines = ["/* Written by `python -m stockade_launcher` from policy.toml and syscalls.toml. */"]
    for place, machine in enumerate(ARCHITECTURES):
        lines.append(f"#{'elif' if place else 'if'} defined(__{machine}__)")
        lines.append("static const struct sock_filter POLICY[] = {")
        for code, jump_true, jump_false, constant in assemble_filter(load_policy(machine)):
            lines.append(f"    {{{code:#04x}, {jump_true}, {jump_false}, {constant:#x}}},")
        lines.append("};")
    lines += ["#else", '#error "policy.toml has no table for this architecture"', "#endif", ""]
    return "\n".join(lines)


def _answer(verdict: int) -> Instruction:
    return Instruction(RETURN, 0, 0, verdict)


def _list_ranges(policy: Policy) -> list[Range]:
    """Return every range of numbers in order; neighbours differ."""
    unknown = [_answer(RET_ERRNO | errno.ENOSYS)]
    bodies = {number: [_answer(RET_ALLOW)] for number in policy.allowed}
    bodies |= {number: [_answer(RET_ERRNO | code)] for number, code in policy.denied.items()}
    bodies |= {number: _assemble_rule(rule) for number, rule in policy.rules.items()}
    ranges = [Range(0, bodies.get(0, unknown))]
    for number in range(1, max(bodies) + 2):
        body = bodies.get(number, unknown)
        if body != ranges[-1].body:
            ranges.append(Range(number, body))
    return [*ranges, Range(X32_BIT, [_answer(RET_KILL_PROCESS)])]


def _assemble_search(ranges: Sequence[Range]) -> list[Instruction]:
    """Return the tree that leads from the number in the accumulator to the body of its range."""
    if len(ranges) == 1:
        return ranges[0].body
    middle = len(ranges) // 2
    below, above = _assemble_search(ranges[:middle]), _assemble_search(ranges[middle:])
    pivot = ranges[middle].first
    if len(below) <= FARTHEST_CONDITIONAL_JUMP:
        return [Instruction(JUMP_NOT_BELOW, len(below), 0, pivot), *below, *above]
    far = Instruction(JUMP, 0, 0, len(below))
    return [Instruction(JUMP_NOT_BELOW, 0, 1, pivot), far, *below, *above]


def _assemble_rule(rule: ArgumentRule) -> list[Instruction]:
    """Return the instructions that end with ALLOW or the rule's errno; the accumulator holds the argument then."""
    allow = _answer(RET_ALLOW)
    refuse = _answer(RET_ERRNO | rule.errno)
    # Little-endian on both architectures: the low half of an argument comes first.
    load = Instruction(LOAD, 0, 0, ARGUMENTS_OFFSET + 8 * rule.index)
    if rule.only:
        tests = [Instruction(JUMP_EQUAL, len(rule.only) - place, 0, value) for place, value in enumerate(rule.only)]
        return [load, *tests, refuse, allow]
    tests = [Instruction(JUMP_EQUAL, len(rule.never) - place, 0, value) for place, value in enumerate(rule.never)]
    if rule.never_bits:
        tests = [Instruction(JUMP_IF_BITS, 1, 0, rule.never_bits)]
    return [load, *tests, allow, refuse]
