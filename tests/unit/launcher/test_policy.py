"""The policy and its filter: what may never pass, by name; `test_million_calls.py` compares every other decision."""

import errno
import tomllib
from pathlib import Path

import pytest

from stockade_launcher import policy as policy_module
from stockade_launcher.errors import PolicyError
from stockade_launcher.filter import ARCHITECTURES, assemble_filter, encode_filter, write_header
from stockade_launcher.policy import Policy, load_policy
from tests.support.bpf_interpreter import run_filter

MACHINES = ("x86_64", "aarch64")
POLICIES = {machine: load_policy(machine) for machine in MACHINES}
PROGRAMS = {machine: encode_filter(assemble_filter(policy)) for machine, policy in POLICIES.items()}
RET_KILL, RET_ALLOW, RET_ERRNO = 0x80000000, 0x7FFF0000, 0x00050000


def _verdict(machine: str, number: int, arguments: tuple[int, ...] = (0,) * 6) -> int:
    return run_filter(PROGRAMS[machine], ARCHITECTURES[machine], number, arguments)


def _number(policy: Policy, name: str) -> int:
    return {known: number for number, known in policy.names.items()}[name]


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


def test_terminals_may_be_asked_and_not_typed_into() -> None:
    ioctl = _number(POLICIES["x86_64"], "ioctl")
    for question in (0x5401, 0x5413, 0x541B):
        assert _verdict("x86_64", ioctl, (0, question, 0, 0, 0, 0)) == RET_ALLOW
    for order in (0x5412, 0x541C, 0x5412 | 1 << 32, 0x40049409, 0):
        assert _verdict("x86_64", ioctl, (0, order, 0, 0, 0, 0)) == RET_ERRNO | errno.EPERM


def test_a_filter_fits_into_the_kernels_limit() -> None:
    assert all(len(program) // 8 <= 4096 for program in PROGRAMS.values())


def test_the_header_holds_a_filter_for_each_architecture() -> None:
    header = write_header()
    for machine in MACHINES:
        table = header.split(f"defined(__{machine}__)")[1].split("};")[0]
        instructions = [line for line in table.splitlines() if line.startswith("    {")]
        assert len(instructions) == len(PROGRAMS[machine]) // 8
        assert f"{ARCHITECTURES[machine]:#x}" in instructions[1]


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
