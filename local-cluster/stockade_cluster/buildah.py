"""Calls of buildah with a storage of the project's own, so that no image of the user's is seen or changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from stockade_cluster.commands import run, succeeds
from stockade_cluster.places import BUILD_RUN
from stockade_cluster.settings import Settings

# The registries' trust of this machine, for package managers that run inside a build.
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")


def buildah(settings: Settings, *arguments: str | Path, on_line: Callable[[str], None] | None = None) -> str:
    """Run one buildah command and return what it printed."""
    return run(_command_line(settings, *arguments), on_line=on_line).strip()


def has_image(settings: Settings, name: str) -> bool:
    """Whether the storage holds an image."""
    return succeeds(_command_line(settings, "inspect", "--type", "image", name))


def _command_line(settings: Settings, *arguments: str | Path) -> list[str | Path]:
    places: list[str | Path] = ["--root", settings.cache / "containers", "--runroot", BUILD_RUN]
    return ["nice", "buildah", *places, "--storage-driver", "overlay", *arguments]


def build_image(
    settings: Settings,
    name: str,
    target: str,
    arguments: Sequence[str],
    on_line: Callable[[str], None],
) -> None:
    """Build one target of the project's Dockerfile; earlier stages come from the storage where nothing changed."""
    build_arguments = [word for argument in arguments for word in ("--build-arg", argument)]
    buildah(
        settings,
        "bud",
        "--isolation=chroot",
        "--layers",
        "--pull-never",
        f"--volume={TRUST}:{TRUST}:ro",
        f"--target={target}",
        f"--tag={name}",
        *build_arguments,
        f"--file={settings.checkout}/Dockerfile",
        settings.checkout,
        on_line=on_line,
    )


def assemble_image(settings: Settings, name: str, files: Sequence[tuple[Path, str]], *options: str) -> None:
    """Make an image of one layer from files (source, place in the image) and `buildah config` options."""
    container = buildah(settings, "from", "scratch")
    try:
        for source, place in files:
            buildah(settings, "add", container, source, place)
        if options:
            buildah(settings, "config", *options, container)
        buildah(settings, "commit", container, name)
    finally:
        buildah(settings, "rm", container)


def export_image(settings: Settings, name: str, archive: Path) -> None:
    """Write an image into an archive that any container runtime reads; the file appears complete or not at all."""
    unfinished = archive.with_name(f".{archive.name}.new")
    unfinished.unlink(missing_ok=True)
    archive.parent.mkdir(parents=True, exist_ok=True)
    # Docker's archive, because its layers are not packed: packing costs more time than the disk it saves.
    buildah(settings, "push", name, f"docker-archive:{unfinished}:{name}")
    unfinished.rename(archive)
