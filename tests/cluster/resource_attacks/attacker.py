"""The hostile algorithm: one attack after the other, ten seconds each, by a schedule that outlives its container."""

import mmap
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stockade_sdk import Parameters, State, Strategy

# Both algorithms have time to start. Before each attack the machine has time to be what it was, and is then left in
# peace to be compared with.
START_SECONDS, REST_SECONDS, QUIET_SECONDS, ATTACK_SECONDS = 15, 2, 4, 10
TURN_SECONDS = REST_SECONDS + QUIET_SECONDS + ATTACK_SECONDS
RING, DOOR = "/run/stockade/market.ring", "/run/stockade/orders.sock"


def fork_bomb(end: float) -> None:
    """Fork, and have every child fork."""
    while time.time() < end:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)


def memory(end: float) -> None:
    """Touch memory until there is none."""
    held = []
    while time.time() < end:
        with suppress(MemoryError):
            held.append(bytearray(os.urandom(4096) * 1024))


def fill_tmpfs(end: float) -> None:
    """Fill every place that can be written to."""
    number = 0
    while time.time() < end:
        for folder in ("/tmp", "/dev/shm"):
            number += 1
            with suppress(OSError):
                Path(folder, f"full-{number}").write_bytes(bytes(1 << 20))
    for folder in ("/tmp", "/dev/shm"):
        for path in Path(folder).glob("full-*"):
            path.unlink()


def log_flood(end: float) -> None:
    """Write long lines as fast as they are taken."""
    line = (b"x" * 4000 + b"\n") * 16
    while time.time() < end:
        os.write(1, line)


def socket_flood(end: float) -> None:
    """Open connections to the gateway, keep some, and speak rubbish on all."""
    kept = []
    while time.time() < end:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        with suppress(OSError):
            door.connect(DOOR)
            door.send(os.urandom(8192))
        kept.append(door)
        if len(kept) > 100:
            kept.pop(0).close()


def cpu_spin(end: float) -> None:
    """Compute on every core."""
    for _ in range(3):
        if os.fork() == 0:
            break
    while time.time() < end:
        sum(range(10_000))


def ring_spinning(end: float) -> None:
    """Read the whole ring again and again, on every core."""
    for _ in range(3):
        if os.fork() == 0:
            break
    ring = mmap.mmap(os.open(RING, os.O_RDONLY), 0, mmap.MAP_SHARED, mmap.PROT_READ)
    while time.time() < end:
        len(ring[:])


def signal_storm(end: float) -> None:
    """Have processes signal each other without pause, and the launcher too."""
    signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    signal.signal(signal.SIGRTMIN, lambda _number, _frame: None)
    family = [os.getpid()]
    for _ in range(3):
        child = os.fork()
        if child == 0:
            break
        family.append(child)
    while time.time() < end:
        for pid in (1, *family):
            for number in (signal.SIGUSR1, signal.SIGRTMIN, signal.SIGWINCH, signal.SIGCHLD):
                with suppress(OSError):
                    os.kill(pid, number)


ATTACKS: dict[str, Callable[[float], None] | None] = {
    "cpu spin": cpu_spin,
    "ring spinning": ring_spinning,
    "order flood": None,
    "socket flood": socket_flood,
    "signal storm": signal_storm,
    "fork bomb": fork_bomb,
    "fill tmpfs": fill_tmpfs,
    "memory": memory,
    "log flood": log_flood,
}
"""What ends the container comes late; the order flood is the algorithm's own connection's."""


class AttackerParameters(Parameters):
    """How often each attack is carried out."""

    rounds: int = 1


class Attacker(Strategy):
    """Looks at the clock, and attacks when it is time."""

    parameters: AttackerParameters

    def __init__(self) -> None:
        """Begin a schedule."""
        self.began = time.time() + START_SECONDS
        self.tried: set[int] = set()

    def on_load(self, state: State) -> None:
        """Take up the one that was begun, not what is under way of it."""
        assert isinstance(state, dict)
        self.began = state["began"]
        self.tried.add(int((time.time() - self.began) // TURN_SECONDS))

    def on_save(self) -> State:
        """Keep when it began."""
        return {"began": self.began}

    def on_start(self) -> None:
        """Look at the clock from now on."""
        for number in (signal.SIGUSR1, signal.SIGRTMIN):
            signal.signal(number, signal.SIG_IGN)
        print(f"SCHEDULE {self.began}", flush=True)
        self.subscribe_trades("BTCUSDT")
        self.set_timer("look", 0.2)

    def on_timer(self, name: str) -> None:  # noqa: ARG002 - it has one
        """Begin the attack whose time has come; a child carries it out, so that this goes on."""
        self._bury()
        turn, into = divmod(time.time() - self.began, TURN_SECONDS)
        if not 0 <= turn < len(ATTACKS) * self.parameters.rounds:
            return
        if not REST_SECONDS + QUIET_SECONDS < into < TURN_SECONDS - 1:
            return
        attack = list(ATTACKS.values())[int(turn) % len(ATTACKS)]
        if attack is None:
            for _ in range(500):
                self.buy("BTCUSDT", "0.001")
            return
        if turn in self.tried:
            return
        self.tried.add(int(turn))
        if os.fork() == 0:
            try:
                attack(self.began + (turn + 1) * TURN_SECONDS)
            finally:
                os._exit(0)

    def _bury(self) -> None:
        """Children of children are buried by process 1, which is the launcher."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
