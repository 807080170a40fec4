"""Installs or upgrades the platform with Helm, and waits until every part of it is ready."""

import hashlib
import json
import time

from stockade_cluster.cluster import deployment_is_ready, get_object, kubectl
from stockade_cluster.commands import run, succeeds
from stockade_cluster.errors import CommandError, StartError
from stockade_cluster.programs import find_program
from stockade_cluster.progress import Progress
from stockade_cluster.settings import Settings

RELEASE = "stockade"
NAMESPACE = "stockade-system"
DEPLOYMENTS = ("stockade-paper-exchange", "stockade-operator", "stockade-panel")
DEADLINE_SECONDS = 300.0
ADMIN_EMAIL = "admin@stockade.example"


def chart_values(settings: Settings, tags: dict[str, str], admin_password: str) -> dict[str, object]:
    """The values of this installation: the images by their content, and the first administrator."""
    return {
        "image": {"registry": settings.registry or "localhost/stockade", "tags": tags},
        "postgresql": {"persistence": {"enabled": False}},
        "panel": {
            "admin": {"email": ADMIN_EMAIL, "password": admin_password},
            "publicUrl": f"http://127.0.0.1:{settings.panel_port}",
        },
        "paperExchange": {"enabled": True, "openAccounts": True},
    }


def hash_installation(settings: Settings, values: dict[str, object]) -> str:
    """What the installation is made of, so that an unchanged one is left alone."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    chart = settings.checkout / "charts" / "stockade"
    for path in sorted(path for path in chart.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(chart)).encode() + path.read_bytes())
    return digest.hexdigest()


def install_chart(settings: Settings, progress: Progress, values: dict[str, object]) -> None:
    """Install or upgrade the release with these values, unless it is as it should be; then wait for its parts."""
    wanted, noted = hash_installation(settings, values), settings.state / "installation"
    program = find_program(settings, "helm") or "helm"
    helm = [program, "--kubeconfig", str(settings.kubeconfig), "--namespace", NAMESPACE]
    unchanged = noted.exists() and noted.read_text() == wanted
    if not (unchanged and succeeds([*helm, "status", RELEASE])):
        with progress.step("chart", "installing the chart with Helm", "installed"):
            chart = str(settings.checkout / "charts" / "stockade")
            command = [
                *helm,
                "upgrade",
                "--install",
                RELEASE,
                chart,
                "--create-namespace",
                "--values",
                "-",
            ]
            run(command, input_text=json.dumps(values))
            noted.touch(mode=0o600)
            noted.write_text(wanted)
    wait_for_platform(settings, progress)


def wait_for_platform(settings: Settings, progress: Progress, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until each Deployment's newest version is ready; StartError tells what the pods wait for."""
    deadline = time.monotonic() + deadline_seconds
    waiting = list(DEPLOYMENTS)
    with progress.step("platform", "waiting for operator, panel and paper exchange", "ready") as step:
        while waiting := [name for name in waiting if not deployment_is_ready(settings, NAMESPACE, name)]:
            step.tell(f"waiting for {', '.join(waiting)}")
            if time.monotonic() > deadline:
                raise StartError(f"Not ready: {', '.join(waiting)}.\n{describe_pods(settings, NAMESPACE)}")
            time.sleep(0.5)


def describe_pods(settings: Settings, namespace: str) -> str:
    """What is known of a namespace's pods and its newest events, for a message to a person."""
    told = []
    for arguments in (("get", "pods", "-o", "wide"), ("get", "events", "--sort-by=.lastTimestamp")):
        try:
            text = run(kubectl(settings, *arguments, "--namespace", namespace))
        except CommandError as error:
            text = str(error)
        told.append("\n".join(text.splitlines()[-15:]))
    return "\n\n".join(told)


def find_service(settings: Settings, name: str) -> tuple[str, int]:
    """The address and first port of one of the platform's Services."""
    found = get_object(settings, "service", name, NAMESPACE)
    if found is None:
        raise StartError(f"There is no Service {name} in {NAMESPACE}: the chart did not make it.")
    return found["spec"]["clusterIP"], found["spec"]["ports"][0]["port"]
