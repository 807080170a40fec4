"""The filter's bytes against a model of the policy: a million calls on each architecture, edges among them."""

import errno

import numpy as np
import pytest

from stockade_launcher.filter import ARCHITECTURES, X32_BIT, assemble_filter, encode_filter
from stockade_launcher.policy import ALLOW, Policy, load_policy
from tests.support.bpf_interpreter import run_filter_on_many
from tests.support.kernel.questions import draw_arguments, draw_numbers

CALLS = 1_000_000
OTHER_ARCHITECTURES = (0, 0x40000003, 0x40000028, 0xC00000F3, 0xFFFFFFFF)
"""None, i386, arm, riscv64, and the largest."""
RET_KILL, RET_ALLOW, RET_ERRNO = 0x80000000, 0x7FFF0000, 0x00050000


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
    numbers, arguments = draw_numbers(random, policy, CALLS), draw_arguments(random, policy, CALLS)

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
