"""Removes every process, mount, file, link and namespace the cluster made, from whatever state it is in."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from stockade_cluster import processes
from stockade_cluster.borrowed import remove_borrowed
from stockade_cluster.commands import run
from stockade_cluster.control_groups import kill_members, list_roots, remove_groups
from stockade_cluster.errors import MachineError, RemovalError
from stockade_cluster.network import OUTER_LINK, remove_network
from stockade_cluster.places import BUILD_RUN, CONTAINERD_SOCKET, DATA, NAME, NETWORK_NAMESPACE, OWNER, PROCESSES, RUN
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

# All their data goes with them, so none is given the time to put it in order.
STOP_SECONDS = 3.0
# Those that would start something anew go first.
STOP_FIRST = ("panel-door", "kubelet", "kube-controller-manager", "kube-scheduler")


def require_own_cluster(settings: Settings) -> None:
    """MachineError if the cluster on this machine is that of another checkout that still exists."""
    owner = Path(OWNER.read_text()) if OWNER.exists() else settings.checkout
    if owner != settings.checkout and owner.exists() and processes.find_pid("kube-apiserver"):
        raise MachineError(f"The cluster of {owner} runs on this machine: end it with `make -C {owner} down`.")


def remove_cluster(settings: Settings, progress: Progress) -> None:
    """Bring the machine back to where it was; what is gone already is no error."""
    with progress.step("cluster", "removing processes, mounts and the network namespace", "nothing is left"):
        for name in STOP_FIRST:
            processes.stop(name, STOP_SECONDS)
        kill_members()
        for name in processes.list_names():
            processes.stop(name, STOP_SECONDS)
        for pid in find_left_processes():
            processes.end_process(pid, 5)
        folders = (RUN, DATA, BUILD_RUN, settings.cache / "containers")
        for mount in find_mounts(Path("/proc/self/mounts").read_text(), folders):
            run(["umount", "--lazy", mount])
        remove_network()
        remove_groups()
        remove_files()
        left = find_leftovers()
        if left:
            raise RemovalError(f"These could not be removed: {', '.join(left)}. `make down` again tries again.")


def find_leftovers() -> list[str]:
    """Whatever of the cluster is still on the machine, in words."""
    processes_left = [f"process {pid}" for pid in find_left_processes()]
    mounts = [f"mount {point}" for point in find_mounts(Path("/proc/self/mounts").read_text(), (RUN, DATA))]
    paths = [NETWORK_NAMESPACE, RUN, DATA, Path("/sys/class/net") / OUTER_LINK, *list_roots()]
    return [*processes_left, *mounts, *(str(path) for path in paths if path.exists())]


def find_left_processes() -> list[int]:
    """Shims of our runtime and whatever else still lives in our namespace, except those that are running us."""
    found: set[int] = set()
    if NETWORK_NAMESPACE.exists() and PROCESSES.parent.exists():
        found.update(int(pid) for pid in run(["ip", "netns", "pids", NAME]).split())
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if words[0].endswith(b"containerd-shim-runc-v2") and str(CONTAINERD_SOCKET).encode() in words:
                found.add(int(folder.name))
    return sorted(found - _ancestors())


def _ancestors() -> set[int]:
    pids, pid = set(), os.getpid()
    while pid > 1:
        pids.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[1])
    return pids


def find_mounts(mounts: str, folders: Iterable[Path]) -> list[str]:
    """The mount points of `/proc/self/mounts` in or below some folders, the innermost first."""
    points = [line.split()[1].replace("\\040", " ") for line in mounts.splitlines()]
    ours = [point for point in points if any(Path(point).is_relative_to(folder) for folder in folders)]
    return sorted(ours, key=lambda point: (-point.count("/"), point))


def remove_files() -> None:
    """Delete our folders and what programs made elsewhere."""
    remove_borrowed()
    for folder in (RUN, DATA, BUILD_RUN):
        if folder.exists():
            shutil.rmtree(folder)


def remove_state(settings: Settings) -> None:
    """Delete what the checkout holds of a cluster that is gone: kubeconfig, passwords, logs."""
    if settings.state.exists():
        shutil.rmtree(settings.state)
