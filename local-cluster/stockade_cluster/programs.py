"""The cluster's programs, built from published Go modules and kept by content."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stockade_cluster.commands import run
from stockade_cluster.errors import MachineError
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

MODULES = Path(__file__).resolve().parents[1] / "go"
KUBERNETES_VERSION = "1.36.3"
_VERSION_STAMP = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Build:
    """One `go build`: packages of one module, and the programs that come of them.

    `c_compiler` is only for runc, whose first steps in a new namespace are C; the rest is static.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    link_flags: str = "-s -w"
    tags: str = ""
    c_compiler: bool = False


BUILDS = (
    Build(
        "kubernetes",
        "kubernetes",
        ("tool",),
        (
            "coredns",
            "helm",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ),
        # Without the stamp every part of Kubernetes reports v0.0.0.
        link_flags=f"-s -w -X {_VERSION_STAMP}.gitVersion=v{KUBERNETES_VERSION}"
        f" -X {_VERSION_STAMP}.gitMajor=1 -X {_VERSION_STAMP}.gitMinor={KUBERNETES_VERSION.split('.')[1]}",
    ),
    Build(
        "containerd",
        "runtime",
        tuple(
            f"github.com/containerd/containerd/v2/cmd/{name}"
            for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        ),
        ("containerd", "containerd-shim-runc-v2", "ctr"),
    ),
    Build("etcd", "etcd", ("go.etcd.io/etcd/server/v3",), ("etcd",)),
    Build("runc", "runtime", ("github.com/opencontainers/runc",), ("runc",), tags="seccomp", c_compiler=True),
)


def build_key(build: Build, go_version: str, modules: Path = MODULES) -> str:
    """The key of a build's outputs: everything that goes into it."""
    digest = hashlib.sha256(f"{build} {go_version}".encode())
    for name in ("go.mod", "go.sum"):
        digest.update((modules / build.module / name).read_bytes())
    return digest.hexdigest()[:16]


def build_programs(settings: Settings, progress: Progress, builds: Iterable[Build] = BUILDS) -> None:
    """Build what is not in the cache yet and point `bin/` at it."""
    if shutil.which("go") is None:
        raise MachineError("Go is not on PATH: install Go 1.26 or newer (the Kubernetes programs are built with it).")
    go_version = run(["go", "env", "GOVERSION"]).strip()
    settings.programs.mkdir(parents=True, exist_ok=True)
    for build in builds:
        folder = settings.cache / "programs" / f"{build.name}-{build_key(build, go_version)}"
        if not folder.is_dir():
            _build(build, folder, progress)
        for program in build.programs:
            _point(settings.programs / program, folder / program)


def find_program(settings: Settings, name: str) -> str | None:
    """The path of a program: ours if it is built, otherwise the one on PATH, otherwise None."""
    ours = settings.programs / name
    return str(ours) if ours.exists() else shutil.which(name)


def _build(build: Build, folder: Path, progress: Progress) -> None:
    module = MODULES / build.module
    environment = {
        "CGO_ENABLED": "1" if build.c_compiler else "0",
        "GOFLAGS": "-buildvcs=false -trimpath -mod=readonly",
        "GOTOOLCHAIN": "local",
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with progress.step(build.name, "building from Go modules", "built") as step:
        step.tell("downloading modules")
        listing = run(["go", "list", "-deps", *build.packages], environment=environment, folder=module)
        total, compiled = len(listing.splitlines()), 0

        def count(line: str) -> None:
            nonlocal compiled
            compiled += 1
            step.tell(f"{compiled} of at most {total} packages, now {line}")

        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{build.name}-") as name:
            unfinished = Path(name) / "out"
            unfinished.mkdir()
            target = f"{unfinished}/" if len(build.programs) > 1 else str(unfinished / build.programs[0])
            options = ["-v", "-tags", build.tags, "-ldflags", build.link_flags, "-o", target]
            command = ["nice", "go", "build", *options, *build.packages]
            run(command, environment=environment, folder=module, on_line=count)
            unfinished.rename(folder)


def _point(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.rename(link)
