"""Runs every fuzzer, two at a time, and keeps what is new: `python -m tests.fuzz --seconds 600 [--keep]`.

Bounded per input: a second of time, 8 KiB and a little of length, 1 GiB of memory. A find ends its target, is kept in
`.stockade/fuzz/NAME/`, and belongs into a unit test.
"""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "corpus"
WORK = ROOT / ".stockade" / "fuzz"
SIDE_BY_SIDE = 2
LIMITS = ("-max_len=8300", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1")
START_SECONDS = 300


def fuzz(name: str, seconds: int) -> tuple[bool, str]:
    """Fuzz one target from its corpus; returns whether nothing was found, and what the fuzzer said."""
    new = WORK / name
    new.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={new}/", *LIMITS]
    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, *options, str(new), str(CORPUS / name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + START_SECONDS,
        check=False,
    )
    return result.returncode == 0, result.stdout + result.stderr


def keep(name: str) -> None:
    """Put into the corpus what reaches something that the corpus does not."""
    folders = [str(CORPUS / name), str(WORK / name)]
    command = [sys.executable, "-m", "tests.fuzz.one", name, "-merge=1", *LIMITS, *folders]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=START_SECONDS)


def main() -> int:
    """Run them all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of all targets together, start-up apart")
    parser.add_argument("--keep", action="store_true", help="merge what is new into the corpus")
    options = parser.parse_args()
    each = max(1, options.seconds * SIDE_BY_SIDE // len(TARGETS))
    began = time.monotonic()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as lanes:
        outcomes = dict(zip(TARGETS, lanes.map(lambda name: fuzz(name, each), TARGETS), strict=True))
    for name, (passed, said) in outcomes.items():
        runs = next((line.split()[-1] for line in said.splitlines() if "number_of_executed_units" in line), "0")
        print(f"{name:<12} {'nothing found' if passed else 'FOUND SOMETHING':<16} {runs:>9} inputs in {each} s")
        if not passed:
            print(said[-6000:])
    print(f"{time.monotonic() - began:.0f} s in all")
    if options.keep:
        for name in TARGETS:
            keep(name)
    return 0 if all(passed for passed, _ in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
