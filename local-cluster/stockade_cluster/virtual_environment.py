"""The checkout's `.venv`: what the tools and tests need, exactly as locked."""

import hashlib
import shutil
import sys

from stockade_cluster.commands import run
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings


def make_environment(settings: Settings, progress: Progress) -> None:
    """Make or renew `.venv` when the lock file or the interpreter changed since it was made."""
    lock = settings.checkout / "requirements" / "dev.txt"
    folder = settings.checkout / ".venv"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    noted = folder / "made-from"
    if noted.exists() and noted.read_text() == key:
        return
    with progress.step("venv", "making .venv from requirements/dev.txt", "made") as step:
        shutil.rmtree(folder, ignore_errors=True)
        installer = shutil.which("uv")
        arguments = ["install", "--require-hashes", "--requirement", str(lock)]
        python = folder / "bin" / "python"
        if installer:
            run([sys.executable, "-m", "venv", "--without-pip", folder])
            run([installer, "pip", *arguments, "--python", python], on_line=step.tell)
        else:
            run([sys.executable, "-m", "venv", folder])
            run([python, "-m", "pip", "--disable-pip-version-check", *arguments], on_line=step.tell)
        noted.write_text(key)
