"""The launcher with one of its steps left out: `weak_launcher.py STEP`. Travels into the weakened pods."""

import os
import socket
import sys
from collections.abc import Mapping
from typing import NoReturn

from stockade_runner.launcher import start


def main(step: str) -> None:
    """Leave something behind for a careless launcher to pass on, and launch."""
    os.set_inheritable(socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach(), True)  # noqa: FBT003 - the library's
    os.environ["CLUSTER_SECRET"] = "left by a careless runtime"
    os.environ["LD_LIBRARY_PATH"] = "/tmp"
    if step == "launcher":
        os.execv(sys.executable, [sys.executable, "/algorithm/algorithm.py"])
    elif step == "filter":
        start.install_filter = lambda program, machine: None
        start.find_holes = lambda policy: []
        start.read_status = lambda: (True, True)
    elif step == "landlock":
        start.restrict_process = lambda executable, writable: 0
    elif step == "hygiene":
        start.set_limits = lambda: None
        start.close_descriptors = lambda: None
        start.build_environment = keep_environment
        os.execve = execute_openly
    start.launch()


def keep_environment(environment: Mapping[str, str], report: Mapping[str, bool | int]) -> dict[str, str]:
    """Pass everything on."""
    return {**environment, **_BUILD(environment, report)}


def execute_openly(program: str, arguments: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Start the interpreter without its isolation."""
    _EXECUTE(program, [argument for argument in arguments if argument != "-I"], environment)


_EXECUTE = os.execve
_BUILD = start.build_environment

if __name__ == "__main__":
    main(sys.argv[1])
