"""Whether this machine can carry the cluster, asked before anything is changed."""

import os
import platform
import shutil
from pathlib import Path

from stockade_cluster.errors import MachineError

# 6 GB of Go modules and build cache, 4 GB of images, 3 GB of programs and what runs.
BUILD_DISK_BYTES = 15 * 10**9
RUN_DISK_BYTES = 3 * 10**9
MEMORY_BYTES = 3 * 10**9


def check_machine(cache: Path, *, built: bool) -> None:
    """MachineError, with what to do, if this machine can't run the cluster or, not `built` yet, can't build it."""
    if os.geteuid() != 0:
        raise MachineError("The local cluster makes namespaces and mounts: run make as root (sudo make up).")
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise MachineError(
            f"The local cluster is built for Linux on x86_64, this is {platform.system()} on {platform.machine()}:"
            " use a cluster you have (STOCKADE_KUBECONFIG=FILE) or CLUSTER=kind."
        )
    check_space(cache, RUN_DISK_BYTES if built else BUILD_DISK_BYTES)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if memory < MEMORY_BYTES:
        raise MachineError(f"The cluster needs 3 GB of memory, this machine has {memory / 10**9:.1f} GB.")


def check_space(folder: Path, needed_bytes: int) -> None:
    """MachineError if the file system that will hold a folder has less room than needed."""
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise MachineError(
            f"{folder} needs {needed_bytes / 10**9:.0f} GB and {existing} has {free / 10**9:.1f} GB free: make room, or"
            " put the cache elsewhere with STOCKADE_CACHE=FOLDER."
        )
