"""Builds the program that asks a kernel about a filter, and runs it."""

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("ask_the_kernel.c")
FOREIGN_NUMBERS = ("0x40000000", "0x40000029", "0x7fffffff", "0x80000000", "0xffffffff")
"""From x32's first on: the filter kills whoever makes such a call."""
SECONDS = 120


def build_probe(folder: Path, compiler: str = "gcc") -> Path:
    """Compile it in an existing folder; returns the program."""
    program = folder / "ask_the_kernel"
    flags = ["-std=c17", "-static", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", program, SOURCE], check=True, timeout=SECONDS)
    return program


def run(*command: str | Path) -> str:
    """Run a command on this machine to a good end; returns what it said."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
