"""The filter's bytes against a model of the policy: a million calls on each architecture, edges among them."""

import errno
from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from stockade_launcher.filter import ARCHITECTURES, X32_BIT, assemble_filter, encode_filter
from stockade_launcher.policy import ALLOW, Policy, load_policy
from tests.support.bpf_interpreter import run_filter_on_many

CALLS = 1_000_000
OTHER_ARCHITECTURES = (0, 0x40000003, 0x40000028, 0xC00000F3, 0xFFFFFFFF)
"""None, i386, arm, riscv64, and the largest."""
RET_KILL, RET_ALLOW, RET_ERRNO = 0x80000000, 0x7FFF0000, 0x00050000


def _beside(values: Iterable[int]) -> NDArray[np.uint64]:
    """Each value with its neighbours, and with rubbish in the half that the kernel does not look at."""
    near = {(value + step) & 0xFFFFFFFF for value in values for step in (-1, 0, 1)}
    return np.array(sorted(near | {value | rubbish << 32 for value in near for rubbish in (1, 0xFFFFFFFF)}), np.uint64)


def _draw_numbers(random: np.random.Generator, policy: Policy) -> NDArray[np.int64]:
    """A third around the known numbers, a third with rules on an argument, a third anywhere and at the edges.

    A million in all are so many that each known number comes some hundred times.
    """
    edges = [0, 1, 0x3FFFFFFF, X32_BIT, X32_BIT + 41, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
    kinds = random.integers(0, 6, CALLS)
    around = random.integers(0, max(policy.names) + 50, CALLS)
    ruled = random.choice(np.array(sorted(policy.rules)), CALLS)
    anywhere = random.integers(0, 2**32, CALLS)
    return np.select([kinds < 2, kinds < 4, kinds < 5], [around, ruled, anywhere], random.choice(edges, CALLS))


def _draw_arguments(random: np.random.Generator, policy: Policy) -> NDArray[np.uint64]:
    """Half of them values that a rule names or their neighbours, a quarter single bits, a quarter anything."""
    bits = {1 << place for place in range(32)}
    named = {value for rule in policy.rules.values() for value in (*rule.only, *rule.never, rule.never_bits)}
    shape = (CALLS, 6)
    kinds = random.integers(0, 4, shape)
    anything = random.integers(0, 2**64, shape, np.uint64)
    return np.select(
        [kinds < 2, kinds < 3], [random.choice(_beside(named), shape), random.choice(_beside(bits), shape)], anything
    )


def _decide(policy: Policy, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """The model: what policy.toml says, and the two words on foreign calls in its head."""
    if architecture != ARCHITECTURES[policy.machine] or number >= X32_BIT:
        return RET_KILL
    decision = policy.decide(number, arguments)
    return RET_ALLOW if decision == ALLOW else RET_ERRNO | decision


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_bytes_decide_a_million_calls_as_the_policy_says(machine: str) -> None:
    policy = load_policy(machine)
    random = np.random.default_rng(20261126)
    own, others = ARCHITECTURES[machine], [*OTHER_ARCHITECTURES, *ARCHITECTURES.values()]
    architectures = np.where(random.integers(0, 10, CALLS) > 0, own, random.choice(others, CALLS))
    numbers, arguments = _draw_numbers(random, policy), _draw_arguments(random, policy)

    decided = run_filter_on_many(encode_filter(assemble_filter(policy)), architectures, numbers, arguments)
    calls = zip(architectures.tolist(), numbers.tolist(), map(tuple, arguments.tolist()), strict=True)
    wanted = np.fromiter((_decide(policy, *call) for call in calls), np.int64, CALLS)

    (wrong,) = np.nonzero(decided != wanted)
    first = [
        (int(numbers[each]), arguments[each].tolist(), int(decided[each]), int(wanted[each])) for each in wrong[:5]
    ]
    assert first == []
    # Every kind of answer was asked for, so that the comparison could have failed.
    shares = {verdict: float(np.mean(wanted == verdict)) for verdict in set(wanted.tolist())}
    for verdict in (
        RET_KILL,
        RET_ALLOW,
        *(RET_ERRNO | code for code in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT)),
    ):
        assert shares[verdict] > 0.02
