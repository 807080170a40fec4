"""A whole arm64 machine for tests: Debian's kernel and Python, and our programs, on a processor that QEMU emulates.

The processor is emulated, so what the kernel and a program do is real and how fast they do it is not; nor does the
emulator reorder memory accesses as a real processor may. Debian's packages and the algorithm image's locked ones are
fetched once, into `~/.cache/stockade/arm64`.
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "requirements/algorithm.txt"
CACHE = Path(os.environ.get("STOCKADE_CACHE") or Path.home() / ".cache/stockade") / "arm64"
COMPILER = "aarch64-linux-gnu-gcc"
USER = 10002
PYTHON = "/usr/bin/python3.11"
SITE_PACKAGES = "usr/lib/python3/dist-packages"
KERNEL = "linux-image-cloud-arm64"
PACKAGES = (
    "libbz2-1.0",
    "libc6",
    "libcrypt1",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "liblzma5",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libsqlite3-0",
    "libssl3",
    "libstdc++6",
    "libuuid1",
    "python3.11-minimal",
    "zlib1g",
)
FETCH_SECONDS = 600
MACHINE_SECONDS = 600
_FOLDER = (stat.S_IFDIR | 0o755, b"")


@dataclass(frozen=True)
class Step:
    """One command of the machine's plan."""

    name: str
    command: tuple[str, ...]
    user: int = USER


@dataclass(frozen=True)
class Outcome:
    """What came of a step; `status` is negative for a signal and None for a step without an end."""

    status: int | None
    output: str


def run_machine(files: Mapping[str, bytes | Path], steps: Iterable[Step]) -> dict[str, Outcome]:
    """Start a machine that holds these files, by absolute path, beside Debian's; return what came of each step.

    A folder is copied with all that is in it. Every file may be executed.
    """
    plan = json.dumps([{"name": step.name, "command": step.command, "user": step.user} for step in steps])
    debian = make_debian()
    added: dict[str, bytes | Path] = {
        **files,
        "/init": f"#!{PYTHON}\n{Path(__file__).with_name('guest.py').read_text()}".encode(),
        "/plan.json": plan.encode(),
    }
    with tempfile.TemporaryDirectory(prefix="stockade-arm64-") as folder:
        memory = Path(folder) / "initramfs"
        with memory.open("wb") as archive, (debian / "initramfs").open("rb") as first:
            shutil.copyfileobj(first, archive)
            archive.writelines(_archive(_list_entries(added)))
        text = _boot(debian / "vmlinuz", memory)
    lines = [line for line in text.splitlines() if line.startswith('{"step"')]
    outcomes = {record["step"]: Outcome(record["status"], record["output"]) for record in map(json.loads, lines)}
    assert len(outcomes) == len(json.loads(plan)), text[-4000:]
    return outcomes


def make_debian() -> Path:
    """Return a folder with `vmlinuz` and `initramfs`, Debian's part of the machine; made when it is not there."""
    key = hashlib.sha256(repr((PACKAGES, KERNEL, sys.version)).encode() + LOCK.read_bytes()).hexdigest()[:12]
    folder = CACHE / key
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".unfinished-") as name:
        unfinished, root = Path(name) / "made", Path(name) / "root"
        unfinished.mkdir()
        for package in _download(Path(name)):
            _run(["dpkg-deb", "-x", package, root])
        (kernel,) = root.glob("boot/vmlinuz-*")
        kernel.rename(unfinished / "vmlinuz")
        _install_locked(root / SITE_PACKAGES)
        for heavy in [
            root / "boot",
            root / "lib/modules",
            root / "usr/share/doc",
            *root.glob(f"{SITE_PACKAGES}/**/tests"),
        ]:
            shutil.rmtree(heavy)
        # An emulated processor would compile for minutes.
        _run([sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", root / "usr/lib"])
        with (unfinished / "initramfs").open("wb") as archive:
            archive.writelines(_archive(_list_entries({"/": root})))
        unfinished.rename(folder)
    return folder


def _download(folder: Path) -> list[Path]:
    """Fetch the packages with apt, which keeps its lists of arm64's apart from the machine's own."""
    for each in ("lists/partial", "archives/partial"):
        (folder / each).mkdir(parents=True)
    (folder / "status").touch()
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'APT {{ Architecture "arm64"; Architectures {{ "arm64"; }}; Sandbox::User "root"; }};\n'
        f'Dir::State::lists "{folder}/lists";\nDir::State::status "{folder}/status";\nDir::Cache "{folder}";\n'
    )
    apt = {"APT_CONFIG": str(configuration)}
    _run(["apt-get", "-q", "update"], apt)
    # The name of the newest kernel is what the package of this name depends on.
    depends = _run(["apt-cache", "depends", KERNEL], apt)
    kernel = next(line.split()[-1] for line in depends.splitlines() if "Depends:" in line)
    _run(["apt-get", "-q", "download", kernel, *PACKAGES], apt, folder)
    return sorted(folder.glob("*.deb"))


def _install_locked(site_packages: Path) -> None:
    """Install what the algorithm's image holds, in the same versions, for arm64."""
    _run([
        Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--target", site_packages, "--no-deps",
        "--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.11", "--only-binary", ":all:",
        "--require-hashes", "--requirement", LOCK,
    ])  # fmt: skip


def _run(command: list[str | Path], more: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    result = subprocess.run(
        command, env={**os.environ, **(more or {})}, cwd=folder, capture_output=True, text=True,
        timeout=FETCH_SECONDS, check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"{command[0]} failed: {result.stderr[-2000:]}"
    return result.stdout


def _boot(kernel: Path, memory: Path) -> str:
    """Run the machine until it switches itself off; returns what its console showed."""
    result = subprocess.run(
        [
            "qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72", "-smp", "1", "-m", "2048",
            "-accel", "tcg,thread=single", "-nic", "none", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", kernel, "-initrd", memory,
            # rdinit: the first process is ours, and the kernel looks for no disk; a panic ends the emulator.
            "-append", "console=ttyAMA0 quiet panic=-1 rdinit=/init",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=MACHINE_SECONDS,
        check=False,
    )  # fmt: skip
    return result.stdout.decode(errors="replace")


def _list_entries(files: Mapping[str, bytes | Path]) -> list[tuple[str, int, bytes]]:
    """Return name, mode and content of all these files and folders, parents first."""
    entries: dict[str, tuple[int, bytes]] = {}
    for place, content in files.items():
        for parent in reversed(Path(place).parents):
            entries.setdefault(str(parent), _FOLDER)
        if not isinstance(content, Path) or content.is_file():
            entries[place] = _read(content)
            continue
        entries[place] = _FOLDER
        for each in sorted(content.rglob("*")):
            entries[str(Path(place) / each.relative_to(content))] = _read(each)
    return [(name.lstrip("/"), *entry) for name, entry in entries.items() if name != "/"]


def _read(content: bytes | Path) -> tuple[int, bytes]:
    if isinstance(content, bytes):
        return stat.S_IFREG | 0o755, content
    if content.is_symlink():
        return stat.S_IFLNK | 0o777, str(content.readlink()).encode()
    if content.is_dir():
        return _FOLDER
    return stat.S_IFREG | 0o755, content.read_bytes()


def _archive(entries: Sequence[tuple[str, int, bytes]]) -> Iterator[bytes]:
    """Yield a cpio archive as the kernel unpacks it (Documentation, "initramfs buffer format"); all is root's."""
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        yield header + bytes(-len(header) % 4)
        yield content + bytes(-len(content) % 4)
