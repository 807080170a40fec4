"""The launcher on an arm64 kernel: every decision of its table, what it keeps out, and the work that it lets pass.

One machine is started for all tests of this file; tests/support/kernel/arm64.py says what is real of it.
"""

import json
import re
import struct
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from stockade_launcher.policy import load_policy
from tests.support.attacks.bundle import make_source
from tests.support.attacks.expectation import Attack, Defence, read_attacks
from tests.support.kernel.arm64 import COMPILER, PYTHON, ROOT, SITE_PACKAGES, Outcome, Step, run_machine
from tests.support.kernel.probe import FOREIGN_NUMBERS, build_probe
from tests.support.kernel.questions import write_questions
from tests.support.launcher_builds import SOURCES, build_launcher
from tests.support.library_code import CODE

# The emulator is slow where the machine is busy, and whichever test comes first waits for all of it.
pytestmark = pytest.mark.timeout(900)
CALLS = 150_000
LAUNCHER, LEAKY, PROBE, FOREIGN = (f"/opt/stockade/bin/{name}" for name in ("launcher", "leaky", "probe", "foreign"))
CODE_FOLDER = "/opt/stockade/code"
LEAVE_THINGS = (PYTHON, "-I", "-B", "/opt/leave_things_behind.py")
"""What a careless runtime does before the launcher, or before an algorithm without one."""
NOT_HERE = {
    "abstract_socket": "its kernel's Landlock is version 2, this takes 6",
    "api_server": "the machine has no network",
    "call_as_i386": "x86-64's; the 32-bit program below is what arm64 has instead",
    "call_in_machine_code": "x86-64's machine code",
    "fill_the_termination_log": "no kubelet has mounted one",
    "name_server": "the machine has no network",
    "ping_socket": "its kernel gives no group the right to it",
    "segment_descriptors": "arm64 has no such call",
    "status_port": "the machine has no network",
    "steal_the_log": "its first process is the machine's and no launcher",
    "trace_the_first_process": "its first process is the machine's and no launcher",
    "vsock_socket": "the kernel's module is not in the machine",
}
TRIED = [
    attack
    for attack in read_attacks()
    if attack.expected.defence in (Defence.FILTER, Defence.LANDLOCK, Defence.HYGIENE) and attack.name not in NOT_HERE
]
MAKE_A_RING = (
    "import pathlib, stockade_wire.ring as ring; ring.RingWriter.create(pathlib.Path('/tmp/ring'), ['BTCUSDT'])"
)
COMPUTE = "\n".join(CODE.values())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Give what came of each step of the machine's plan."""
    folder = tmp_path_factory.mktemp("arm64")
    true = folder / "true"
    subprocess.run(
        [COMPILER, "-static", "-x", "c", "-o", true, "-"], input=b"int main(void) { return 0; }", check=True, timeout=60
    )
    files: dict[str, bytes | Path] = {
        LAUNCHER: build_launcher(folder, compiler=COMPILER),
        LEAKY: build_launcher(folder, ("SECCOMP",), COMPILER),
        PROBE: build_probe(folder, COMPILER),
        FOREIGN: make_arm32_program(),
        "/questions": write_questions(load_policy("aarch64"), CALLS),
        f"{CODE_FOLDER}/stockade_sdk": ROOT / "algo-image/stockade_sdk",
        f"{CODE_FOLDER}/stockade_wire": ROOT / "wire/stockade_wire",
        f"/{SITE_PACKAGES}/stockade.pth": f"{CODE_FOLDER}\n".encode(),
        "/opt/hostile.py": make_source(TRIED, {}, translate_numbers()).encode(),
        LEAVE_THINGS[-1]: ROOT / "tests/support/attacks/leave_things_behind.py",
        # What the attacks go for.
        "/bin/true": true,
        "/etc/passwd": b"root:x:0:0::/:/bin/true\n",
        "/mnt/empty": b"",
        "/run/stockade/empty": b"",
    }
    python = (PYTHON, "-I", "-B")
    return run_machine(
        files,
        [
            Step("policy", (PROBE, "mark", LAUNCHER, PROBE, "ask", "/questions")),
            Step("foreign numbers", (LAUNCHER, PROBE, "kill", *FOREIGN_NUMBERS)),
            Step("32 bit", (PROBE, "execute", FOREIGN)),
            Step("32 bit, confined", (LAUNCHER, PROBE, "execute", FOREIGN)),
            Step("leaky", (LEAKY, PROBE, "execute", FOREIGN)),
            Step("libraries", (LAUNCHER, *python, "-c", COMPUTE)),
            Step("ring", (*python, "-c", MAKE_A_RING)),
            Step("hardened", (*LEAVE_THINGS, LAUNCHER, *python, "/opt/hostile.py")),
            Step("bare", (*LEAVE_THINGS, PYTHON, "-B", "/opt/hostile.py"), user=0),
        ],
    )


def translate_numbers() -> Mapping[int, int]:
    """Return arm64's number for each of x86-64's; -1 for a call that arm64 lacks."""
    table = tomllib.loads((SOURCES / "syscalls.toml").read_text())
    numbers = {number: table["aarch64"].get(name, -1) for name, number in table["x86_64"].items()}
    # inotify_init1, which the policy does not name.
    return {**numbers, 294: 26}


def make_arm32_program() -> bytes:
    """Return a program of 32-bit ARM that makes one call: exit(42)."""
    code = bytes.fromhex("2a00a0e3 0170a0e3 000000ef")  # mov r0, #42; mov r7, #1; svc #0
    start, size = 0x10000, 52 + 32 + len(code)
    header = struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, start + 84, 52, 0, 0x05000000, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, start, start, size, size, 5, 0x1000)
    return b"\x7fELF\x01\x01\x01" + bytes(9) + header + segment + code


def read_verdicts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield each attack's name and verdict, as the hostile algorithm prints them."""
    for line in outcome.output.splitlines():
        record = json.loads(line)
        if "attack" in record:
            yield record["attack"], record["outcome"]


def test_the_kernel_answers_as_the_policy_says(outcomes: Mapping[str, Outcome]) -> None:
    counts = re.fullmatch(r"asked (\d+), passed (\d+), wrong 0\n", outcomes["policy"].output)
    assert counts is not None, outcomes["policy"].output
    assert 0.2 < int(counts[2]) / int(counts[1]) < 0.8


def test_calls_of_another_table_end_the_process(outcomes: Mapping[str, Outcome]) -> None:
    ends = [f"{number}: signal 31" for number in FOREIGN_NUMBERS]
    assert outcomes["foreign numbers"].output.splitlines() == ends


def test_a_32_bit_program_is_killed_at_its_first_call(outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes["32 bit"].output == f"{FOREIGN}: exit 42\n"
    assert outcomes["32 bit, confined"].output == f"{FOREIGN}: signal 31\n"


def test_the_self_test_finds_the_filter_missing(outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes["leaky"].status == 70
    assert "forbidden, and worked all the same: socket(AF_INET, SOCK_STREAM)" in outcomes["leaky"].output


def test_libraries_compute_what_they_compute_on_this_machine(outcomes: Mapping[str, Outcome]) -> None:
    here = subprocess.run(
        [sys.executable, "-I", "-B", "-c", COMPUTE],
        capture_output=True, text=True, timeout=100, check=True,
    ).stdout  # fmt: skip
    assert outcomes["libraries"].status == 0, outcomes["libraries"].output
    assert round_numbers(outcomes["libraries"].output) == round_numbers(here)


def round_numbers(text: str) -> str:
    """Return the text with its fractions to six digits: two processors' sums end differently."""
    return re.sub(r"-?\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.6g}", text)


def test_the_ring_is_refused(outcomes: Mapping[str, Outcome]) -> None:
    assert "run the pod on an amd64 node" in outcomes["ring"].output


@pytest.mark.parametrize("attack", TRIED, ids=lambda attack: attack.name)
def test_an_attack_works_bare_and_fails_behind_the_launcher(attack: Attack, outcomes: Mapping[str, Outcome]) -> None:
    bare, hardened = (dict(read_verdicts(outcomes[step])) for step in ("bare", "hardened"))
    assert (bare[attack.name], hardened[attack.name]) == ("worked", attack.expected.hardened)


def test_what_is_not_tried_is_an_attack() -> None:
    assert NOT_HERE.keys() <= {attack.name for attack in read_attacks()}
