"""The processes of a pod's containers as its node sees them: the local cluster runs on this very machine."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

GATEWAY, ALGORITHM, OPERATOR, PANEL, POSTGRESQL = 10001, 10002, 10003, 10004, 10007
"""The user each image runs as."""


@dataclass(frozen=True)
class ContainerProcess:
    """One process inside a container."""

    pid: int
    uid: int

    def read(self, name: str) -> bytes:
        """One file of its /proc, as root reads it."""
        return Path(f"/proc/{self.pid}/{name}").read_bytes()

    @property
    def is_main(self) -> bool:
        """Whether it is its container's first process, with whose end the container ends."""
        numbers = next(line for line in self.read("status").decode().splitlines() if line.startswith("NSpid:"))
        return numbers.split()[-1] == "1"

    def memory_holds(self, needle: bytes) -> bool:
        """Whether the bytes stand anywhere in its readable memory."""
        for line in self.read("maps").decode().splitlines():
            span, rights, *rest = line.split()
            if not rights.startswith("r") or rest[-1] in {"[vvar]", "[vsyscall]", "[vvar_vclock]"}:
                continue
            first, last = (int(edge, 16) for edge in span.split("-"))
            with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
                try:
                    memory.seek(first)
                    held = memory.read(last - first)
                except OSError:  # unmapped since, or a page that can't be read by anybody
                    continue
            if needle in held:
                return True
        return False

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Let it stand still: its sockets stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)


def pod_processes(pod_uid: str, uid: int | None = None) -> list[ContainerProcess]:
    """Every process of a pod, or those of one user, the oldest first."""
    marks = (f"pod{pod_uid}", f"pod{pod_uid.replace('-', '_')}")
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            groups = (folder / "cgroup").read_text()
            owner = folder.stat().st_uid
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        if any(mark in groups for mark in marks) and uid in (None, owner):
            found.append(ContainerProcess(int(folder.name), owner))
    return sorted(found, key=lambda process: process.pid)
