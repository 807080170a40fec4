"""Brings images to where the cluster's node finds them: the local runtime or a registry."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from stockade_cluster.base_images import archive_path
from stockade_cluster.buildah import buildah
from stockade_cluster.cluster import ctr
from stockade_cluster.commands import run
from stockade_cluster.images import image_name
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

LOADERS = 2


def load_images(settings: Settings, progress: Progress, images: Iterable[str]) -> None:
    """Import the archives of images the local runtime does not have yet."""
    present = set(run(ctr(settings, "images", "list", "--quiet")).split())

    def load(image: str) -> None:
        with progress.step("load", f"loading {image}", f"loaded {image}"):
            run(ctr(settings, "images", "import", str(archive_path(settings, image))))

    with ThreadPoolExecutor(LOADERS) as loaders:
        list(loaders.map(load, [image for image in images if image not in present]))


def push_images(settings: Settings, progress: Progress, tags: dict[str, str]) -> None:
    """Push the images to the registry a given cluster pulls from; without one they have to be there already."""
    if settings.registry is None:
        progress.say("load", "STOCKADE_REGISTRY is not set: the given cluster has to hold the images already")
        return
    for name, tag in tags.items():
        with progress.step("load", f"pushing {name}", f"pushed {name}"):
            image = image_name(name, tag)
            buildah(settings, "push", image, f"docker://{settings.registry}/{name}:{tag}")
