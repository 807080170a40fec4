"""What a hostile algorithm tries on its pod, beside what it tries on the kernel; and the strategy that tries it all.

Its text is sent into a pod behind that of `tests/support/attacks.py`, in place of the import from it.
"""

import fcntl
import json
import mmap
import os
import socket
from pathlib import Path

from stockade_sdk import Strategy
from tests.support.attacks import ATTACKS, attack, run_attack

POD = "pod"
RING = Path("/run/stockade/market.ring")
DOOR = Path("/run/stockade/orders.sock")
NOT_FOR_THE_ALGORITHM = ("/keys", "/ledger", "/journal", "/control", "/var/run/secrets/kubernetes.io")


class DefenceError(OSError):
    """Stands for a refusal where nothing raises one by itself."""


@attack(POD, "find a mount of the gateway")
def find_a_mount() -> None:
    """Look for the gateway's volumes, and for a token of the cluster."""
    mount_points = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    if not any(Path(path).exists() or path in mount_points for path in NOT_FOR_THE_ALGORITHM):
        raise DefenceError(2, "none is mounted")


@attack(POD, "find another process")
def find_a_process() -> None:
    """Look for the gateway's process."""
    programs = {(path / "comm").read_text() for path in Path("/proc").iterdir() if path.name.isdigit()}
    own = Path("/proc/self/comm").read_text()
    if programs == {own}:
        raise DefenceError(3, "only our own")


@attack(POD, "find services in the environment")
def find_services() -> None:
    """Look for addresses of the cluster."""
    if not any("KUBERNETES" in name or "_SERVICE_" in name for name in os.environ):
        raise DefenceError(2, "none")


@attack(POD, "have a capability or a way to one")
def have_a_capability() -> None:
    """Ask the kernel what this process may."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    nothing = all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
    confined = status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    # The runtime's default filter and the launcher's.
    layers = int(status["Seccomp_filters"]) >= 2
    if nothing and confined and layers and status["Uid"].split() == ["10002"] * 4:
        raise DefenceError(1, "none, no_new_privs, two filters, uid 10002")


@attack(POD, "find an abstract socket")
def find_an_abstract_socket() -> None:
    """Look for doors in the pod's shared network namespace."""
    names = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    if not any(name.startswith("@") for name in names):
        raise DefenceError(2, "none")


@attack(POD, "write on the root file system")
def write_on_the_root() -> None:
    """Replace what the interpreter will load next time."""
    Path("/opt/stockade/code/sitecustomize.py").write_text("")


@attack(POD, "write the own source")
def write_the_source() -> None:
    """Change what was frozen."""
    Path("/algorithm/algorithm.py").write_text("")


@attack(POD, "plant a link beside the ring")
def plant_a_link() -> None:
    """Leave a link for the gateway to follow."""
    Path("/run/stockade/link").symlink_to("/keys/apiSecret")


@attack(POD, "open the ring for writing")
def open_the_ring() -> None:
    """Open the ring for writing."""
    os.open(RING, os.O_RDWR)


@attack(POD, "open the ring for writing through /proc")
def reopen_the_ring() -> None:
    """Open an open descriptor of the ring anew."""
    os.open(f"/proc/self/fd/{os.open(RING, os.O_RDONLY)}", os.O_RDWR)


@attack(POD, "map the ring for writing")
def map_the_ring() -> None:
    """Map the ring for writing."""
    mmap.mmap(os.open(RING, os.O_RDONLY), 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


@attack(POD, "truncate the ring")
def truncate_the_ring() -> None:
    """Have the gateway die of SIGBUS."""
    os.truncate(RING, 0)


@attack(POD, "remove the ring")
def remove_the_ring() -> None:
    """Remove the ring."""
    RING.unlink()


@attack(POD, "take the gateway's place")
def take_the_place() -> None:
    """Listen where the gateway listens."""
    DOOR.unlink()
    socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(str(DOOR))


@attack(POD, "write a kernel setting")
def write_a_setting() -> None:
    """Write below /proc/sys."""
    Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x")


@attack(POD, "write a cgroup")
def write_a_cgroup() -> None:
    """Lift the memory limit."""
    Path("/sys/fs/cgroup/memory.max").write_text("max")


@attack(POD, "read the kernel's memory")
def read_the_kernel() -> None:
    """Read below /proc what runtimes mask."""
    if not Path("/proc/kcore").read_bytes()[:1]:
        raise DefenceError(2, "masked")


@attack(POD, "find a program that changes its uid")
def find_a_setuid_program() -> None:
    """Look for set-uid bits in the image."""
    for folder in ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/opt/stockade/bin"):
        for path in Path(folder).glob("*"):
            if path.exists() and path.stat().st_mode & 0o6000:
                return
    raise DefenceError(2, "none")


# The launcher itself is process 1 of its container, and there is no process outside to be seen.
ATTACKS.pop("signal to a process outside")


class Hostile(Strategy):
    """Tries everything, says what came of it, and goes on as if nothing had happened."""

    def on_start(self) -> None:
        """Attack one after the other, alive in between."""
        # A reader can lock what it can open; the gateway must not mind.
        self.lock = os.open(RING, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.names = list(ATTACKS)
        self.subscribe_trades(self.symbols[0])
        self.set_timer("attack", 0.01)

    def on_timer(self, name: str) -> None:
        """Try the next one."""
        if not self.names:
            self.cancel_timer(name)
            print(json.dumps({"attacks": "done"}))
            return
        attack_name = self.names.pop(0)
        print(json.dumps({"attack": attack_name, "outcome": run_attack(attack_name)}))
