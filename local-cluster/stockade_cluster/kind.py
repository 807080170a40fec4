"""`CLUSTER=kind`: the same platform on a kind cluster in Docker, where both are there. Not tried by the tests."""

import shutil

from stockade_cluster.commands import run
from stockade_cluster.errors import MachineError
from stockade_cluster.images import NAMES, image_name, image_tags
from stockade_cluster.places import NAME
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings


def start_kind(settings: Settings, progress: Progress) -> dict[str, str]:
    """Make the kind cluster if there is none, build the images with Docker, load them, and return their tags."""
    for program in ("docker", "kind", "kubectl", "helm"):
        if shutil.which(program) is None:
            raise MachineError(f"CLUSTER=kind needs {program} on PATH; without it leave CLUSTER out.")
    settings.state.mkdir(exist_ok=True)
    if NAME not in run(["kind", "get", "clusters"]).split():
        with progress.step("kind", "creating the cluster", "created"):
            run(["kind", "create", "cluster", "--name", NAME, "--kubeconfig", settings.kubeconfig])
    tags = image_tags(settings)
    for name in NAMES:
        image = image_name(name, tags[name])
        with progress.step(name, "building with Docker and loading", "loaded") as step:
            run(["docker", "build", "--target", name, "--tag", image, settings.checkout], on_line=step.tell)
            run(["kind", "load", "docker-image", image, "--name", NAME])
    settings.kubeconfig.chmod(0o600)
    return tags


def remove_kind(settings: Settings) -> None:
    """Delete the kind cluster."""
    run(["kind", "delete", "cluster", "--name", NAME, "--kubeconfig", settings.kubeconfig])
