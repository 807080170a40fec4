"""The cluster itself: of the promised version, reached only by its own kubeconfig, with names that resolve."""

import stat
from pathlib import Path

from tests.support.containers import ALGORITHM, pod_processes
from tests.support.kubectl import Kubectl

PLATFORM = "stockade-system"


def test_the_node_is_of_the_promised_version(kubectl: Kubectl) -> None:
    info = kubectl.items("nodes")[0]["status"]["nodeInfo"]
    assert info["kubeletVersion"].startswith("v1.36.")
    assert info["containerRuntimeVersion"].startswith("containerd://2.")


def test_the_kubeconfig_is_for_its_owner_only(kubectl: Kubectl) -> None:
    assert stat.S_IMODE(kubectl.kubeconfig.stat().st_mode) == 0o600


def test_a_pod_resolves_the_name_of_a_service(kubectl: Kubectl) -> None:
    service = kubectl.get("service", "stockade-postgresql", PLATFORM)
    assert service is not None
    code = "import socket; print(socket.gethostbyname('stockade-postgresql.stockade-system.svc'))"
    said = kubectl.run("exec", "deployment/stockade-panel", "-n", PLATFORM, "--", "python", "-c", code)
    headless = service["spec"]["clusterIP"] == "None"
    assert headless or said.strip() == service["spec"]["clusterIP"]


def test_the_demo_runs(kubectl: Kubectl) -> None:
    pod = kubectl.get("pod", "algo-momentum", "tenant-demo")
    assert pod is not None
    assert pod["status"]["phase"] == "Running"


def test_an_algorithms_pod_may_start_as_many_processes_as_the_documents_say(kubectl: Kubectl) -> None:
    pod = kubectl.get("pod", "algo-momentum", "tenant-demo")
    assert pod is not None
    process = pod_processes(pod["metadata"]["uid"], ALGORITHM)[0]
    # `8:pids:/POD/CONTAINER` in a hierarchy of its own, or `0::/POD/CONTAINER` in the unified one.
    groups = [line.split(":", 2) for line in process.read("cgroup").decode().splitlines()]
    own = {controllers: path.lstrip("/") for _, controllers, path in groups}
    container = Path("/sys/fs/cgroup/pids") / own["pids"] if "pids" in own else Path("/sys/fs/cgroup") / own[""]
    assert (container.parent / "pids.max").read_text().strip() == "256"
