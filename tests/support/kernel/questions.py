"""Calls to ask a filter about, drawn where a mistake would be: around known numbers, named values and single bits.

Apart from the tests because the filter's bytes are asked in an interpreter, and running kernels by `ask_the_kernel.c`.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stockade_launcher.filter import X32_BIT
from stockade_launcher.policy import ALLOW, Policy

PASSED = 4095
"""What `ask_the_kernel` is told of a call that the policy allows."""
UNFILTERED = {"x86_64": (335, 336), "aarch64": ()}
"""uretprobe and uprobe: the kernel asks no filter about them, since only its own trampolines may make these calls."""


def _beside(values: Iterable[int]) -> NDArray[np.uint64]:
    """Each value with its neighbours, and with rubbish in the half that the kernel does not look at."""
    near = {(value + step) & 0xFFFFFFFF for value in values for step in (-1, 0, 1)}
    return np.array(sorted(near | {value | rubbish << 32 for value in near for rubbish in (1, 0xFFFFFFFF)}), np.uint64)


def draw_numbers(random: np.random.Generator, policy: Policy, count: int) -> NDArray[np.int64]:
    """A third around the known numbers, a third with rules on an argument, a third anywhere and at the edges.

    Of a million each known number comes some hundred times.
    """
    edges = [0, 1, 0x3FFFFFFF, X32_BIT, X32_BIT + 41, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
    kinds = random.integers(0, 6, count)
    around = random.integers(0, max(policy.names) + 50, count)
    ruled = random.choice(np.array(sorted(policy.rules)), count)
    anywhere = random.integers(0, 2**32, count)
    return np.select([kinds < 2, kinds < 4, kinds < 5], [around, ruled, anywhere], random.choice(edges, count))


def draw_arguments(random: np.random.Generator, policy: Policy, count: int) -> NDArray[np.uint64]:
    """Half of them values that a rule names or their neighbours, a quarter single bits, a quarter anything."""
    bits = {1 << place for place in range(32)}
    named = {value for rule in policy.rules.values() for value in (*rule.only, *rule.never, rule.never_bits)}
    shape = (count, 6)
    kinds = random.integers(0, 4, shape)
    anything = random.integers(0, 2**64, shape, np.uint64)
    return np.select(
        [kinds < 2, kinds < 3], [random.choice(_beside(named), shape), random.choice(_beside(bits), shape)], anything
    )


def write_questions(policy: Policy, count: int) -> bytes:
    """Return about this many calls with the policy's answers, in the form that `ask_the_kernel` reads."""
    random = np.random.default_rng(20261126)
    numbers, arguments = draw_numbers(random, policy, count), draw_arguments(random, policy, count)
    # Foreign calls end the process; they are tried one by one.
    own = (numbers < X32_BIT) & ~np.isin(numbers, UNFILTERED[policy.machine])
    numbers, arguments = numbers[own], arguments[own]
    calls = zip(numbers.tolist(), map(tuple, arguments.tolist()), strict=True)
    answers = [policy.decide(*call) for call in calls]
    questions = np.zeros(len(numbers), [("number", "<u4"), ("wanted", "<u4"), ("arguments", "<u8", 5)])
    questions["number"], questions["arguments"] = numbers, arguments[:, :5]
    questions["wanted"] = [PASSED if answer == ALLOW else answer for answer in answers]
    return questions.tobytes()
