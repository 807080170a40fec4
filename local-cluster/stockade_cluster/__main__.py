"""The commands behind the Makefile: `python -m stockade_cluster COMMAND`."""

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType

from stockade_cluster.borrowed import note_borrowed
from stockade_cluster.errors import InterruptedRunError, LocalClusterError
from stockade_cluster.images import build_images, image_name, image_tags
from stockade_cluster.kind import remove_kind
from stockade_cluster.lanes import complete
from stockade_cluster.loading import load_images, push_images
from stockade_cluster.lock import hold_lock
from stockade_cluster.packages import CLUSTER, TESTS, install_packages
from stockade_cluster.programs import BUILDS, build_programs
from stockade_cluster.progress import Progress
from stockade_cluster.removal import remove_cluster, remove_state, require_own_cluster
from stockade_cluster.settings import Settings, read_settings
from stockade_cluster.status import describe_logs, describe_status
from stockade_cluster.tiers import run_tiers
from stockade_cluster.up import bring_up
from stockade_cluster.virtual_environment import make_environment


def up(settings: Settings, progress: Progress) -> None:
    """Bring everything up."""
    with hold_lock(progress):
        bring_up(settings, progress)


def down(settings: Settings, progress: Progress) -> None:
    """Remove everything `up` made."""
    with hold_lock(progress):
        if settings.kind:
            remove_kind(settings)
        elif settings.given_kubeconfig:
            raise LocalClusterError("The given cluster is yours: `helm uninstall stockade` removes what was installed.")
        else:
            require_own_cluster(settings)
            remove_cluster(settings, progress)
        remove_state(settings)


def images(settings: Settings, progress: Progress) -> None:
    """Build the images that changed."""
    with hold_lock(progress):
        note_borrowed()
        complete(progress, lambda: install_packages(progress, CLUSTER))
        for name, tag in complete(progress, lambda: build_images(settings, progress)).items():
            print(image_name(name, tag))


def load(settings: Settings, progress: Progress) -> None:
    """Build the images that changed and bring them to the cluster."""
    images(settings, progress)
    tags = image_tags(settings)
    if settings.given_kubeconfig:
        complete(progress, lambda: push_images(settings, progress, tags))
    else:
        names = [image_name(name, tag) for name, tag in tags.items()]
        complete(progress, lambda: load_images(settings, progress, names))


def packages(_: Settings, progress: Progress) -> None:
    """Install the Debian packages of the cluster and of the tests."""
    with hold_lock(progress):
        complete(progress, lambda: install_packages(progress, {**CLUSTER, **TESTS}))


def venv(settings: Settings, progress: Progress) -> None:
    """Make .venv."""
    with hold_lock(progress):
        complete(progress, lambda: make_environment(settings, progress))


def programs(settings: Settings, progress: Progress) -> None:
    """Build the programs that some tests want without a cluster: Kubernetes, etcd and Helm."""
    with hold_lock(progress):
        wanted = [build for build in BUILDS if build.name in {"kubernetes", "etcd"}]
        complete(progress, lambda: build_programs(settings, progress, wanted))


def status(settings: Settings, _: Progress) -> None:
    """Say what runs."""
    print(describe_status(settings))


def kubeconfig(settings: Settings, _: Progress) -> None:
    """Print the path of the cluster's kubeconfig."""
    if not settings.kubeconfig.exists():
        raise LocalClusterError("No cluster was started from this checkout: `make up` does.")
    print(settings.kubeconfig)


def logs(settings: Settings, _: Progress) -> None:
    """Print the end of every part's log."""
    print(describe_logs(settings))


def test(settings: Settings, _: Progress) -> None:
    """Run every tier of tests."""
    failed = run_tiers(settings)
    if failed:
        raise LocalClusterError(f"Failed: {', '.join(failed)}.")


COMMANDS: dict[str, Callable[[Settings, Progress], None]] = {
    each.__name__: each for each in (up, down, images, load, packages, programs, venv, status, kubeconfig, logs, test)
}


def main() -> int:
    """Run one command; what a person can act on is one message, without a traceback."""
    parser = argparse.ArgumentParser(prog="python -m stockade_cluster", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args().command

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        COMMANDS[command](read_settings(), Progress())
    except (KeyboardInterrupt, InterruptedRunError):
        print(
            f"\nInterrupted. `make {command}` goes on from here; `make down` removes what was started.", file=sys.stderr
        )
        return 130
    except LocalClusterError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
