"""What the launcher costs: start-up, system calls and numerical work behind it, against the same without it.

Rounds with and without take turns, so that the machine's moods meet both; the figures are medians, and ratios of the
two neighbours of a round. Starts are timed by the clock on the wall, work by the process's own share of the processor.
They go to `results/launcher.json`, beside what was asked for.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.launcher_builds import build_launcher

RESULTS = Path(__file__).parent / "results" / "launcher.json"
STARTS = 50
ROUNDS = 11
SECONDS = 60
TARGETS = {"startUpMilliseconds": 15.0, "smallReadsPercent": 5.0, "numpyPercent": 5.0}

START = "pass"
PYTHON_READS = """
import os, sys, time
descriptor, read = os.open(sys.argv[1], os.O_RDONLY), os.pread
began = time.process_time()
for _ in range(200_000):
    read(descriptor, 64, 0)
print(time.process_time() - began)
"""
NUMPY = """
import time
import numpy as np
a = np.random.default_rng(7).normal(size=(400, 400))
began = time.process_time()
for _ in range(12):
    np.linalg.inv(a @ a.T + np.eye(400)), np.sort(a, axis=None), np.convolve(a[0], a[1])
print(time.process_time() - began)
"""
C_READS = """
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int count, char *arguments[]) {
    struct timespec began, ended;
    char bytes[64];
    int descriptor = open(arguments[count - 1], O_RDONLY);

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    for (int turn = 0; turn < 500000; turn++)
        if (pread(descriptor, bytes, sizeof bytes, 0) != sizeof bytes)
            return 1;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    printf("%.9f\\n", (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec));
    return 0;
}
"""

RUNTIME = """
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char *arguments[], char *environment[]) {
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (count < 2 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return 1;
    return execve(arguments[1], &arguments[1], environment);
}
"""
"""Stands for the container runtime, whose own filter is on every pod of Stockade, launcher or not."""


def compile_program(folder: Path, name: str, source: str) -> Path:
    """Compile a program of one file; its source stays beside it."""
    program = folder / name
    program.with_suffix(".c").write_text(source)
    subprocess.run(["gcc", "-O2", "-o", program, program.with_suffix(".c")], check=True, timeout=SECONDS)
    return program


def time_start(command: list[str | Path]) -> float:
    """Seconds from the call to the program's end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, timeout=SECONDS)
    return time.perf_counter() - began


def measure_start(command: list[str | Path]) -> float:
    """Seconds of processor time from the call to the program's end: what a crowded machine does not stretch."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, timeout=SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_time(command: list[str | Path]) -> float:
    """Seconds of processor time that the program says its work took."""
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, text=True, env=environment)
    return float(result.stdout)


def compare(
    measure: Callable[[list[str | Path]], float], launcher: Path, command: list[str | Path], rounds: int, *runtime: Path
) -> dict[str, Any]:
    """Medians without and with the launcher, both behind `runtime`, and of the neighbours' differences and ratios."""
    bare: list[float] = []
    confined: list[float] = []
    for turn in range(rounds):
        # Who comes first changes, so that neither is always the second.
        for behind in (False, True) if turn % 2 else (True, False):
            (confined if behind else bare).append(measure([*runtime, *([launcher] if behind else []), *command]))
    pairs = list(zip(bare, confined, strict=True))
    return {
        "rounds": rounds,
        "withoutMilliseconds": round(1000 * statistics.median(bare), 3),
        "withMilliseconds": round(1000 * statistics.median(confined), 3),
        "addedMilliseconds": round(1000 * statistics.median(after - before for before, after in pairs), 3),
        "addedPercent": round(100 * (statistics.median(after / before for before, after in pairs) - 1), 2),
    }


def main() -> None:
    """Measure, print and write."""
    python: list[str | Path] = [sys.executable, "-I", "-B", "-c"]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="stockade-bench-") as folder:
        launcher = build_launcher(Path(folder))
        reads = compile_program(Path(folder), "reads", C_READS)
        runtime = compile_program(Path(folder), "runtime", RUNTIME)
        in_c: list[str | Path] = [reads, reads.with_suffix(".c")]
        in_python: list[str | Path] = [*python, PYTHON_READS, reads.with_suffix(".c")]
        results = {
            "machine": {
                "cores": os.cpu_count(),
                "kernel": platform.release(),
                "python": platform.python_version(),
                "loadBefore": round(load, 1),
            },
            "targets": TARGETS,
            "startUp": compare(time_start, launcher, ["/bin/true"], STARTS),
            "startUpOfPython": compare(time_start, launcher, [*python, START], STARTS),
            "startUpProcessorTime": compare(measure_start, launcher, ["/bin/true"], STARTS),
            "smallReadsInC": compare(read_time, launcher, in_c, ROUNDS, runtime),
            "smallReadsInPython": compare(read_time, launcher, in_python, ROUNDS, runtime),
            "smallReadsInCWithoutRuntimesFilter": compare(read_time, launcher, in_c, ROUNDS),
            "smallReadsInPythonWithoutRuntimesFilter": compare(read_time, launcher, in_python, ROUNDS),
            "numpy": compare(read_time, launcher, [*python, NUMPY], ROUNDS),
        }
    text = json.dumps(results, indent=2)
    print(text)
    RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
