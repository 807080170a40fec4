"""Paths outside our folders that programs insist on: what of them is ours goes again, what is not stays."""

import json
from collections.abc import Mapping
from pathlib import Path

from stockade_cluster.commands import run
from stockade_cluster.places import DATA

# Written into the source of buildah, containerd, the CNI library, the kubelet and `ip netns`; no option moves them.
# Per folder the entries that are ours, unless the folder was there before us: then they may be another's.
FOLDERS = {
    "/etc/cni": ("net.d/cni.lock",),
    "/run/containerd": (),
    "/run/netns": (),
    "/usr/libexec/kubernetes": (),
    "/var/lib/cni": ("results/*",),
    "/var/lib/containers": ("cache/blob-info-cache-v1.boltdb",),
    "/var/lib/kubelet": ("device-plugins/*",),
    "/var/log/containers": ("*.log",),
}
NOTE = DATA / "made-by-us.json"


def note_borrowed(note: Path = NOTE, folders: Mapping[str, tuple[str, ...]] = FOLDERS) -> None:
    """Note which of the folders are not there yet; the first note since the last removal counts."""
    if not note.exists():
        note.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        note.write_text(json.dumps({path: list(ours) for path, ours in folders.items() if not Path(path).exists()}))


def remove_borrowed(note: Path = NOTE) -> None:
    """Delete our entries of the noted folders, then the folders as far as nobody else put anything there."""
    if not note.exists():
        return
    for path, ours in json.loads(note.read_text()).items():
        folder = Path(path)
        for pattern in ours:
            for entry in folder.glob(pattern):
                entry.unlink()
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    if not folder.is_dir() or folder.is_symlink():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            _remove_empty(entry)
    if not any(folder.iterdir()):
        if folder.is_mount():
            run(["umount", folder])
        folder.rmdir()
