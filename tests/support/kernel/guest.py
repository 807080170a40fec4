"""The first process of the test's arm64 machine: does what its plan says, prints what came of it, and switches off.

Travels into the machine and runs there on Debian's arm64 Python, as root; a step may run as another user.
"""

import ctypes
import json
import os
import subprocess
from pathlib import Path

MOUNTS = (("proc", "/proc"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"), ("tmpfs", "/dev/shm"))
POWER_OFF = 0x4321FEDC
STEP_SECONDS = 300

_libc = ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Mount what a container has, and talk to the machine's console."""
    for kind, place in MOUNTS:
        Path(place).mkdir(parents=True, exist_ok=True)
        if _libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None) != 0:
            raise OSError(ctypes.get_errno(), place)
        if kind == "tmpfs":
            Path(place).chmod(0o1777)
    console = os.open("/dev/console", os.O_RDWR)
    for standard in range(3):
        os.dup2(console, standard)


def run_step(step: dict[str, object]) -> dict[str, object]:
    """Run one command to its end; returns its exit status and what it printed."""
    user = int(str(step["user"]))
    try:
        result = subprocess.run(
            list(step["command"]),  # type: ignore[call-overload]  # the plan's own form: a list of words
            user=user, group=user, extra_groups=[], env={}, cwd="/tmp", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=STEP_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return {"step": step["name"], "status": None, "output": (late.stdout or b"").decode(errors="replace")}
    return {"step": step["name"], "status": result.returncode, "output": result.stdout.decode(errors="replace")}


def main() -> None:
    """Carry out the plan."""
    prepare()
    for step in json.loads(Path("/plan.json").read_text()):
        print(json.dumps(run_step(step)), flush=True)
    os.sync()
    _libc.reboot(POWER_OFF)


main()
