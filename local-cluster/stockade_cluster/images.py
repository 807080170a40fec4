"""The project's images: which there are, whether they are up to date, building them, and what they must not share."""

import hashlib
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from stockade_cluster.base_images import archive_path, make_debian, name_debian
from stockade_cluster.buildah import build_image, buildah, export_image, has_image
from stockade_cluster.dockerfile import Target, read_stages, read_target
from stockade_cluster.errors import ImageError
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

NAMES = ("operator", "panel", "gateway", "algorithm", "paper-exchange", "migrations", "postgresql")
BUILDERS = 2
KEPT_VERSIONS = 2


def image_tags(settings: Settings) -> dict[str, str]:
    """The tag each image has by the present sources."""
    stages = read_stages((settings.checkout / "Dockerfile").read_text())
    return {name: make_tag(settings.checkout, read_target(stages, name), name_debian()) for name in NAMES}


def make_tag(checkout: Path, target: Target, base: str) -> str:
    """A tag that changes when anything changes that the image is made of."""
    digest = hashlib.sha256(json.dumps([base, target.instructions]).encode())
    for source in target.sources:
        for path in _list_files(checkout / source):
            digest.update(f"{path.relative_to(checkout)} {path.stat().st_mode:o}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _list_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise ImageError(f"The Dockerfile copies {source}, which is not there.")
    return sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def image_name(name: str, tag: str) -> str:
    """The full name of an image of the project."""
    return f"localhost/stockade/{name}:{tag}"


def build_images(settings: Settings, progress: Progress) -> dict[str, str]:
    """Build what is not in the cache yet, two at a time, and return the tags."""
    tags = image_tags(settings)
    missing = [name for name, tag in tags.items() if not archive_path(settings, image_name(name, tag)).exists()]
    if missing:
        # What an interrupted build left.
        buildah(settings, "rm", "--all")
        base = make_debian(settings, progress)
        with ThreadPoolExecutor(BUILDERS) as builders:
            list(builders.map(lambda name: _build(settings, progress, name, tags[name], base), missing))
        _remove_old_archives(settings)
    check_layers(*(archive_path(settings, image_name(name, tags[name])) for name in ("gateway", "algorithm")))
    return tags


def _build(settings: Settings, progress: Progress, name: str, tag: str, base: str) -> None:
    image = image_name(name, tag)
    arguments = [f"{prefix}BASE_IMAGE={base}" for prefix in ("", "ALGORITHM_", "POSTGRESQL_")]
    with progress.step(name, "building the image", f"image {image} built") as step:
        build_image(settings, image, name, arguments, step.tell)
        step.tell("writing the archive")
        export_image(settings, image, archive_path(settings, image))


def _remove_old_archives(settings: Settings) -> None:
    for name in NAMES:
        archives = (settings.cache / "images").glob(f"{name}-{'[0-9a-f]' * 12}.tar")
        for old in sorted(archives, key=lambda path: path.stat().st_mtime)[:-KEPT_VERSIONS]:
            old.unlink()
            image = image_name(name, old.stem.removeprefix(f"{name}-"))
            if has_image(settings, image):
                buildah(settings, "rmi", image)


def read_layers(archive: Path) -> list[str]:
    """The digests of an image's layers, from its archive."""
    with tarfile.open(archive) as opened, _open_member(opened, "manifest.json") as member:
        layers: list[str] = json.load(member)[0]["Layers"]
    return [layer.removesuffix(".tar") for layer in layers]


def _open_member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    member = archive.extractfile(name)
    if member is None:
        raise ImageError(f"{archive.name!r} is no image archive: it has no {name}.")
    return member


def check_layers(gateway: Path, algorithm: Path) -> None:
    """ImageError if the keys' image and the strangers' image share a layer: its pages would be shared memory."""
    shared = set(read_layers(gateway)) & set(read_layers(algorithm))
    if shared:
        raise ImageError(f"The gateway and the algorithm image share the layers {', '.join(sorted(shared))}.")
