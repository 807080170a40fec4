"""Checks source code before it is written: does it compile? Nothing of it is run.

The compiler runs in a short-lived process with little memory: a source made to break a compiler breaks only that.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

LARGEST_SOURCE_BYTES = 256 * 1024
TIMEOUT_SECONDS = 10
FILE_NAME = "algorithm.py"

# Runs with -I: it sees no package of ours, no environment and no current directory.
_PROGRAM = """
import json, resource, sys, warnings
resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
found = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        compile(sys.stdin.buffer.read(), "algorithm.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        found.append([error.lineno or 1, error.offset or 1, str(error.msg), (error.text or "").rstrip()[:200]])
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        found.append([1, 1, str(error) or type(error).__name__, ""])
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a source: where, what, and the line it is in."""

    line: int
    column: int
    message: str
    text: str = ""

    def __str__(self) -> str:
        return f"{FILE_NAME}:{self.line}:{self.column} {self.message}"


def check_source(source: str) -> list[Problem]:
    """What keeps a source from compiling; an empty list when nothing does."""
    if not source.strip():
        return [Problem(1, 1, "There is no code: paste it, upload a file or pick an example.")]
    data = source.encode()
    if len(data) > LARGEST_SOURCE_BYTES:
        return [Problem(1, 1, f"The code has {len(data) // 1024} KiB; at most 256 KiB fit. Use an image for more.")]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=data,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [Problem(1, 1, f"The compiler did not finish within {TIMEOUT_SECONDS} s.")]
    if done.returncode != 0:
        return [Problem(1, 1, "The compiler gave up: the code nests too deeply or is too large.")]
    return [Problem(*found) for found in json.loads(done.stdout)]
