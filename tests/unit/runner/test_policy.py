"""The policy and its filter: the bytes decide as the page says, for every call there is."""

import errno
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade_runner.launcher import policy as policy_module
from stockade_runner.launcher.errors import PolicyError
from stockade_runner.launcher.policy import ALLOW, Policy, load_policy
from stockade_runner.launcher.seccomp import ARCHITECTURES, assemble_filter, encode_filter
from tests.support.bpf_interpreter import run_filter

MACHINES = ("x86_64", "aarch64")
POLICIES = {machine: load_policy(machine) for machine in MACHINES}
PROGRAMS = {machine: encode_filter(assemble_filter(policy)) for machine, policy in POLICIES.items()}
RET_KILL, RET_ALLOW, RET_ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
SIX = st.tuples(*[st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 64))] * 6)


def _verdict(machine: str, number: int, arguments: tuple[int, ...] = (0,) * 6) -> int:
    return run_filter(PROGRAMS[machine], ARCHITECTURES[machine], number, arguments)


def _number(policy: Policy, name: str) -> int:
    return {known: number for number, known in policy.names.items()}[name]


def _expected(policy: Policy, number: int, arguments: tuple[int, ...]) -> int:
    decision = policy.decide(number, arguments)
    return RET_ALLOW if decision == ALLOW else RET_ERRNO | decision


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_decided_as_the_page_says(machine: str) -> None:
    for number in range(500):
        assert _verdict(machine, number) == _expected(POLICIES[machine], number, (0,) * 6)


@pytest.mark.parametrize("machine", MACHINES)
@settings(max_examples=40)
@given(data=st.data(), arguments=SIX)
def test_arguments_are_decided_as_the_page_says(machine: str, data: st.DataObject, arguments: tuple[int, ...]) -> None:
    policy = POLICIES[machine]
    number = data.draw(st.sampled_from(sorted(policy.rules)))
    assert _verdict(machine, number, arguments) == _expected(policy, number, arguments)


@settings(max_examples=40)
@given(number=st.integers(0, 2**32 - 1), architecture=st.integers(0, 2**32 - 1), arguments=SIX)
def test_other_architectures_are_killed(number: int, architecture: int, arguments: tuple[int, ...]) -> None:
    if architecture not in ARCHITECTURES.values():
        assert run_filter(PROGRAMS["x86_64"], architecture, number, arguments) == RET_KILL
    assert run_filter(PROGRAMS["x86_64"], ARCHITECTURES["aarch64"], number, arguments) == RET_KILL
    assert _verdict("x86_64", 0x40000000 | number, arguments) == RET_KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("family", [0, 2, 3, 10, 16, 17, 29, 30, 31, 38, 40, 44, (1 << 32) | 2, 2**64 - 1])
def test_no_family_but_unix(machine: str, family: int) -> None:
    for name in ("socket", "socketpair"):
        number = _number(POLICIES[machine], name)
        assert _verdict(machine, number, (family, 1, 0, 0, 0, 0)) == RET_ERRNO | errno.EAFNOSUPPORT
        assert _verdict(machine, number, (1, 1, 0, 0, 0, 0)) == RET_ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "name",
    [
        "io_uring_setup",
        "ptrace",
        "bpf",
        "userfaultfd",
        "keyctl",
        "mount",
        "unshare",
        "setns",
        "process_vm_readv",
        "perf_event_open",
        "memfd_create",
        "open_by_handle_at",
        "pidfd_getfd",
        "init_module",
        "listen",
        "seccomp",
    ],
)
def test_known_ways_out_fail_with_eperm(machine: str, name: str) -> None:
    assert _verdict(machine, _number(POLICIES[machine], name)) == RET_ERRNO | errno.EPERM


def test_threads_may_start_and_namespaces_may_not() -> None:
    clone = _number(POLICIES["x86_64"], "clone")
    thread = 0x3D0F00  # What the C library's pthread_create asks for.
    assert _verdict("x86_64", clone, (thread, 0, 0, 0, 0, 0)) == RET_ALLOW
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert _verdict("x86_64", clone, (thread | bit, 0, 0, 0, 0, 0)) == RET_ERRNO | errno.EPERM


def test_a_filter_fits_into_the_kernels_limit() -> None:
    assert all(len(program) // 8 <= 4096 for program in PROGRAMS.values())


@pytest.mark.parametrize(
    ("policy", "syscalls", "complaint"),
    [
        ('[allow.a]\nsyscalls=["read"]\n[deny.b]\nerrno="EPERM"\nsyscalls=["read"]\n[argument]', "[x86_64]", "read"),
        ('[allow.a]\nsyscalls=[]\n[deny]\n[argument.socket]\nindex=0\nerrno="EPERM"', "[x86_64]", "socket"),
        ("[allow]\n[deny]\n[argument]", "[x86_64]\nbpf=321", "bpf"),
    ],
)
def test_a_page_that_contradicts_itself_is_refused(tmp_path: Path, policy: str, syscalls: str, complaint: str) -> None:
    (tmp_path / "policy.toml").write_text(policy)
    (tmp_path / "syscalls.toml").write_text(syscalls)
    with pytest.raises(PolicyError, match=complaint):
        load_policy("x86_64", tmp_path)


def test_every_group_gives_its_reason() -> None:
    page = tomllib.loads((Path(policy_module.__file__).parent / "policy.toml").read_text())
    groups = [group for section in ("allow", "deny", "argument") for group in page[section].values()]
    assert all(group["reason"].endswith(".") for group in groups)
