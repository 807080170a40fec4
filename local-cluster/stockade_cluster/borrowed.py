"""Paths outside our folders that programs insist on: noted before a start, so that what was not there goes again."""

import json
import shutil
from pathlib import Path

from stockade_cluster.commands import run
from stockade_cluster.places import DATA

# Written into the source of buildah, containerd, the CNI library, kubelet and `ip netns`; no option moves them.
PATHS = (
    "/etc/cni",
    "/run/containerd",
    "/run/netns",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/log/containers",
)
NOTE = DATA / "made-by-us.json"


def note_borrowed(note: Path = NOTE, paths: tuple[str, ...] = PATHS) -> None:
    """Note which of the paths are not there yet; the first note since the last removal counts."""
    if not note.exists():
        note.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        note.write_text(json.dumps([path for path in paths if not Path(path).exists()]))


def remove_borrowed(note: Path = NOTE) -> None:
    """Delete the noted paths; what was there before us stays."""
    if not note.exists():
        return
    for path in map(Path, json.loads(note.read_text())):
        if path.is_mount():
            run(["umount", path])
        if path.exists():
            shutil.rmtree(path)
