"""Compiles the launcher as the Dockerfile does, whole or, for the attack suite, with a defence left out."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "algo-image" / "stockade_launcher"
FLAGS = ("-std=c17", "-static-pie", "-O2", "-Wall", "-Wextra", "-Werror", "-fstack-protector-strong")
BUILD_SECONDS = 100


def build_launcher(folder: Path, without: Sequence[str] = (), compiler: str = "gcc") -> Path:
    """Compile it in an existing folder, perhaps for another machine; returns the program.

    `without` may name DESCRIPTORS, LIMITS, LANDLOCK, SECCOMP, ENVIRONMENT and SELF_TEST.
    """
    header = subprocess.run(
        [sys.executable, "-m", "stockade_launcher"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES.parent)},
        capture_output=True,
        check=True,
        timeout=BUILD_SECONDS,
    ).stdout
    (folder / "policy.h").write_bytes(header)
    program = folder / "-without-".join(["launcher", *without]).lower()
    # What is left out leaves functions behind that nobody calls.
    removed = [*(f"-DWITHOUT_{defence}" for defence in without), *(["-Wno-unused-function"] if without else [])]
    subprocess.run(
        [compiler, *FLAGS, *removed, f"-I{folder}", "-o", program, *sorted(SOURCES.glob("*.c"))],
        check=True,
        timeout=BUILD_SECONDS,
    )
    return program
