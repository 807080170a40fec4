"""The control groups all containers of the cluster live under, which tells them from any other on the machine."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from stockade_cluster.places import NAME

ROOT = Path("/sys/fs/cgroup")


def list_roots() -> list[Path]:
    """Our group in each mounted hierarchy: many in version 1, one in version 2."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT / NAME]
    return sorted({path.resolve() / NAME for path in ROOT.iterdir() if (path / "cgroup.procs").exists()})


def create_groups() -> None:
    """Make our group in each hierarchy; a new cpuset is empty in version 1 and takes its parent's processors."""
    for group in list_roots():
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            file = group / name
            if file.exists() and not file.read_text().strip():
                file.write_text((group.parent / name).read_text())


def kill_members(deadline_seconds: float = 20.0) -> None:
    """SIGKILL every process of every container until none is left, or until the deadline."""
    deadline = time.monotonic() + deadline_seconds
    while (members := _find_members()) and time.monotonic() < deadline:
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def remove_groups() -> None:
    """Remove our groups, the innermost first; a group that is still busy is left and tried again by the next run."""
    for group in list_roots():
        for folder in _walk(group, innermost_first=True):
            try:
                folder.rmdir()
            except OSError:
                continue


def _walk(group: Path, *, innermost_first: bool = False) -> Iterator[Path]:
    # The runtime removes groups meanwhile: os.walk passes over a folder that has gone, where Path.rglob raises.
    for folder, _, _ in os.walk(group, topdown=not innermost_first):
        yield Path(folder)


def _find_members() -> set[int]:
    members: set[int] = set()
    for group in list_roots():
        for folder in _walk(group):
            try:
                members.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
            except OSError:
                continue
    return members - {0}
