"""Images the Dockerfile does not define: the Debian under the others, the pause container, the name server."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from stockade_cluster.buildah import assemble_image, buildah, export_image, has_image
from stockade_cluster.commands import run
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

SUITE = "trixie"
PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")
# What no container reads; the package manager stays, for images that install something on top.
TRIMMED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "var/cache/apt", "var/lib/apt/lists")
PAUSE_PROGRAM = Path("/usr/bin/catatonit")


def name_debian() -> str:
    """The name of the Debian base; its tag is the key of how it is made."""
    key = hashlib.sha256(repr((SUITE, PACKAGES, TRIMMED)).encode()).hexdigest()[:12]
    return f"localhost/stockade/debian:{key}"


def name_program_image(name: str, program: Path) -> str:
    """The name of an image around one program; its tag is the program's content."""
    return f"localhost/stockade/{name}:{hashlib.sha256(program.read_bytes()).hexdigest()[:12]}"


def archive_path(settings: Settings, image: str) -> Path:
    """Where the archive of an image lies."""
    return settings.cache / "images" / f"{image.rsplit('/', 1)[1].replace(':', '-')}.tar"


def make_debian(settings: Settings, progress: Progress) -> str:
    """Make the Debian base in buildah's storage, unless it is there, and return its name."""
    image = name_debian()
    if has_image(settings, image):
        return image
    settings.cache.mkdir(parents=True, exist_ok=True)
    with (
        progress.step("debian", f"making the images' Debian ({SUITE})", "made") as step,
        tempfile.TemporaryDirectory(dir=settings.cache, prefix=".debian-") as name,
    ):
        root = Path(name) / "root"
        options = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
        run(["nice", "debootstrap", *options, SUITE, root], on_line=step.tell)
        for each in TRIMMED:
            shutil.rmtree(root / each)
            (root / each).mkdir()
        step.tell("committing the image")
        assemble_image(settings, image, [(root, "/")])
    return image


def make_pause(settings: Settings) -> str:
    """Make the image that holds a pod's namespaces open, unless it is there, and return its name."""
    image = name_program_image("pause", PAUSE_PROGRAM)
    if not archive_path(settings, image).exists():
        options = ('--entrypoint=["/pause", "-P"]',)
        assemble_image(settings, image, [(PAUSE_PROGRAM, "/pause")], *options)
        export_image(settings, image, archive_path(settings, image))
        buildah(settings, "rmi", image)
    return image


def make_name_server(settings: Settings) -> str:
    """Make the image of CoreDNS, unless it is there, and return its name."""
    program = (settings.programs / "coredns").resolve()
    image = name_program_image("coredns", program)
    if not archive_path(settings, image).exists():
        assemble_image(settings, image, [(program, "/coredns")], '--entrypoint=["/coredns"]')
        export_image(settings, image, archive_path(settings, image))
        buildah(settings, "rmi", image)
    return image
