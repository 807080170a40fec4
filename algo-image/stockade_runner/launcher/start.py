"""The launcher: the order in which a process is confined, and the exec at its end.

Apart from the defences so that the order, which matters, is one screen.
"""

import json
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from stockade_runner.launcher.errors import LaunchError, SelfTestError
from stockade_runner.launcher.landlock import restrict_process
from stockade_runner.launcher.linux import call_kernel, read_machine, set_no_new_privs
from stockade_runner.launcher.policy import load_policy
from stockade_runner.launcher.seccomp import assemble_filter, install_filter
from stockade_runner.launcher.self_test import find_holes, read_status

EXIT_LAUNCH_FAILED: Final = 70
"""EX_SOFTWARE of sysexits.h; no user's code ran."""
CLOSE_RANGE: Final = 436
"""The same number on every architecture."""
REPORT_VARIABLE: Final = "STOCKADE_LAUNCHER_REPORT"
DEFAULT_TERMINATION_LOG: Final = "/dev/termination-log"

LIMITS: Final = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_NPROC: 4096,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_FSIZE: 256 * 1024 * 1024,
    resource.RLIMIT_NICE: 0,
    resource.RLIMIT_RTPRIO: 0,
    resource.RLIMIT_SIGPENDING: 256,
}
"""NPROC counts every process and thread of the uid on the whole node, other pods' included: a low one would let one pod
keep the others from starting. It is the node's last brake; the pod's own are its pid and memory limits."""

KEPT_VARIABLES: Final = ("LANG", "LC_ALL", "PATH", "TZ")
"""An allow-list, beside our own STOCKADE_*: whatever else the environment holds is not for the algorithm."""

WRITABLE: Final = ("/tmp", "/dev/shm", "/dev/null")  # noqa: S108 - the container's own, mounted for it
EXECUTABLE: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt")


def launch() -> NoReturn:
    """Confine this process and execute the interpreter with the runner; exits with 70 when any step fails."""
    termination_log = Path(os.environ.get("STOCKADE_TERMINATION_LOG", DEFAULT_TERMINATION_LOG))
    try:
        report = confine(termination_log)
    except (LaunchError, OSError, ValueError) as error:
        message = f"the launcher could not confine the algorithm, so its code was not run: {error}"
        sys.stderr.write(message + "\n")
        _write_termination_log(termination_log, message)
        raise SystemExit(EXIT_LAUNCH_FAILED) from error
    sys.stderr.flush()
    arguments = [sys.executable, "-I", "-B", "-m", "stockade_runner.main"]
    environment = build_environment(os.environ, report)
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - a shell is the last thing wanted


def confine(termination_log: Path) -> dict[str, bool | int]:
    """Raise every defence in order and test them; returns the report for the gateway, raises LaunchError."""
    close_descriptors()
    set_limits()
    os.umask(0o077)
    machine = read_machine()
    policy = load_policy(machine)
    set_no_new_privs()
    # Landlock comes first, since the filter knows none of its calls.
    prefixes = (*EXECUTABLE, sys.prefix, sys.base_prefix)
    version = restrict_process(map(Path, prefixes), (*map(Path, WRITABLE), termination_log))
    install_filter(assemble_filter(policy), machine)
    holes = find_holes(policy)
    no_new_privs, filtered = read_status()
    if not (no_new_privs and filtered):
        holes.append(f"/proc/self/status says no_new_privs {no_new_privs}, seccomp {filtered}")
    if holes:
        raise SelfTestError(f"forbidden, and worked all the same: {', '.join(holes)}")
    return {"no_new_privs": True, "seccomp": True, "landlock_abi": version, "self_test_passed": True}


def close_descriptors() -> None:
    """Leave nothing open but the standard three, with nothing to read on the first."""
    call_kernel(CLOSE_RANGE, 3, 2**32 - 1, 0)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    if nothing:
        os.close(nothing)


def set_limits() -> None:
    """Set each limit, soft and hard; one that is lower already stays."""
    for limit, wanted in LIMITS.items():
        _, hard = resource.getrlimit(limit)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(limit, (value, value))


def build_environment(environment: Mapping[str, str], report: Mapping[str, bool | int]) -> dict[str, str]:
    """Return what the algorithm's interpreter gets to see."""
    kept = {name: environment[name] for name in KEPT_VARIABLES if name in environment}
    ours = {name: value for name, value in environment.items() if name.startswith("STOCKADE_")}
    # One thread per numerical library: the container's cpu limit is far below the node's core count.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return kept | threads | ours | {"HOME": "/tmp", REPORT_VARIABLE: json.dumps(report)}  # noqa: S108 - as WRITABLE


def _write_termination_log(path: Path, message: str) -> None:
    content = json.dumps({"kind": "LaunchError", "message": message[:1024], "file": None, "line": None})
    try:
        path.write_text(content)
    except OSError as error:
        sys.stderr.write(f"{path} could not be written: {error}\n")
