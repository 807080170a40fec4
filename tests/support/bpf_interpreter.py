"""Runs a seccomp program in Python: what the kernel would answer, for one call or for a million at once.

Written from the kernel's `bpf_prog_run` for the instructions our assembler uses, and not from the assembler.
"""

import struct

import numpy as np
from numpy.typing import NDArray

_WORDS = 16
"""`struct seccomp_data` in 32-bit words: number, architecture, instruction pointer, six arguments."""


def run_filter(code: bytes, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """Return the program's verdict on a call."""
    one = np.array([arguments], np.uint64)
    return int(run_filter_on_many(code, np.array([architecture]), np.array([number]), one)[0])


def run_filter_on_many(
    code: bytes, architectures: NDArray[np.int64], numbers: NDArray[np.int64], arguments: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Return the program's verdict on each call; `arguments` has a row of six for each.

    A classic program only jumps forward, so one pass over its instructions takes every call to its end: each
    instruction is carried out for all calls that stand at it.
    """
    count = len(numbers)
    data = np.zeros((count, _WORDS), np.uint32)
    data[:, 0], data[:, 1] = numbers, architectures
    data[:, 4:] = np.ascontiguousarray(arguments, "<u8").view(np.uint32)
    accumulators = np.zeros(count, np.int64)
    verdicts = np.full(count, -1, np.int64)
    waiting: dict[int, list[NDArray[np.intp]]] = {0: [np.arange(count)]}
    for place, (operation, jump_true, jump_false, constant) in enumerate(struct.iter_unpack("=HBBI", code)):
        if place not in waiting:
            continue
        here = np.concatenate(waiting.pop(place))
        if operation == 0x06:
            verdicts[here] = constant
        elif operation == 0x20:
            accumulators[here] = data[here, constant // 4]
            waiting.setdefault(place + 1, []).append(here)
        elif operation == 0x05:
            waiting.setdefault(place + 1 + constant, []).append(here)
        else:
            holds = _compare(operation, accumulators[here], constant)
            waiting.setdefault(place + 1 + jump_true, []).append(here[holds])
            waiting.setdefault(place + 1 + jump_false, []).append(here[~holds])
    assert not waiting, "the program ends without an answer"
    return verdicts


def _compare(operation: int, values: NDArray[np.int64], constant: int) -> NDArray[np.bool_]:
    if operation == 0x15:
        return np.equal(values, constant)
    if operation == 0x35:
        return np.greater_equal(values, constant)
    assert operation == 0x45, f"instruction {operation:#x} is not for a filter"
    return np.not_equal(np.bitwise_and(values, constant), 0)
