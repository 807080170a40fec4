"""`make status` and `make logs`: what runs and what it said; apart from the steps, because it changes nothing."""

from stockade_cluster import processes
from stockade_cluster.cluster import kubectl
from stockade_cluster.commands import run
from stockade_cluster.errors import CommandError
from stockade_cluster.places import OWNER
from stockade_cluster.settings import Settings

SHOWN_LINES = 20
QUESTIONS = (
    ("get", "nodes", "-o", "wide"),
    ("get", "pods", "-A", "-o", "wide"),
    ("get", "trading", "-A"),
)


def describe_status(settings: Settings) -> str:
    """The parts of the local cluster and whether they run, then what the cluster says of itself."""
    told = []
    if settings.is_local:
        if not OWNER.exists():
            return "No cluster runs on this machine. `make up` starts one."
        owner = OWNER.read_text()
        told.append(f"The cluster of {owner}:")
        for name in processes.list_names():
            pid = processes.find_pid(name)
            told.append(f"  {name:<26} {f'runs, process {pid}' if pid else 'ENDED'}")
        if owner != str(settings.checkout):
            return "\n".join([*told, f"\n`make -C {owner} status` says more."])
    for question in QUESTIONS:
        try:
            told.append("\n" + run(kubectl(settings, *question)).rstrip())
        except CommandError as error:
            told.append(f"\n{error}")
    return "\n".join(told)


def describe_logs(settings: Settings) -> str:
    """The end of the log of each part of the local cluster and of the platform."""
    told = []
    for file in sorted((settings.state / "logs").glob("*.log")):
        lines = file.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
        told += [f"==> {file} <==", *lines, ""]
    for name in ("operator", "panel", "paper-exchange"):
        where = ["--namespace", "stockade-system", f"--tail={SHOWN_LINES}"]
        try:
            text = run(kubectl(settings, "logs", f"deployment/stockade-{name}", *where))
        except CommandError as error:
            text = str(error)
        told += [f"==> deployment/stockade-{name} <==", text]
    return "\n".join(told)
