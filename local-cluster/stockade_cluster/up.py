"""`make up`: the steps in their order, those that can overlap side by side."""

from stockade_cluster import processes
from stockade_cluster.base_images import make_name_server, make_pause
from stockade_cluster.borrowed import note_borrowed
from stockade_cluster.chart import ADMIN_EMAIL, chart_values, find_service, install_chart
from stockade_cluster.cluster import finish_start, kubectl, start_cluster
from stockade_cluster.commands import succeeds
from stockade_cluster.configuration import component_commands
from stockade_cluster.demo import EMAIL, TENANT_NAMESPACE, create_demo, keep_password
from stockade_cluster.errors import MachineError
from stockade_cluster.images import build_images, image_name
from stockade_cluster.kind import start_kind
from stockade_cluster.lanes import Lanes, complete
from stockade_cluster.loading import load_images, push_images
from stockade_cluster.machine import check_machine
from stockade_cluster.network import check_route_is_free
from stockade_cluster.network_policy_enforcer import NAME as ENFORCER
from stockade_cluster.packages import CLUSTER, install_packages
from stockade_cluster.panel_door import listen, open_door
from stockade_cluster.places import DATA, NETWORK_NAMESPACE, RUN, STARTED
from stockade_cluster.programs import BUILDS, build_programs, find_program
from stockade_cluster.progress import Progress
from stockade_cluster.removal import remove_cluster, require_own_cluster
from stockade_cluster.settings import Settings
from stockade_cluster.virtual_environment import make_environment


def bring_up(settings: Settings, progress: Progress) -> None:
    """Everything `make up` promises; what is there already is left as it is."""
    if settings.kind:
        tags = complete(progress, lambda: start_kind(settings, progress))
    elif settings.given_kubeconfig:
        tags = prepare_given_cluster(settings, progress)
    else:
        tags = prepare_local_cluster(settings, progress)
    complete(progress, lambda: install_platform(settings, progress, tags))
    print(welcome(settings))


def install_platform(settings: Settings, progress: Progress, tags: dict[str, str]) -> None:
    """Chart, demo and, on the local cluster, the door to the panel."""
    values = chart_values(settings, tags, keep_password(settings, "admin"))
    install_chart(settings, progress, values)
    if settings.is_local:
        address, port = find_service(settings, "stockade-panel")
        open_door(settings.panel_port, address, port, settings.state / "logs")
    create_demo(settings, progress)


def prepare_given_cluster(settings: Settings, progress: Progress) -> dict[str, str]:
    """Images for a cluster that is already there; returns their tags."""

    def prepare() -> dict[str, str]:
        if not all(find_program(settings, name) for name in ("kubectl", "helm")):
            build_programs(settings, progress, BUILDS[:1])
        if not succeeds(kubectl(settings, "get", "--raw", "/readyz")):
            raise MachineError(f"The cluster of STOCKADE_KUBECONFIG={settings.kubeconfig} does not answer.")
        install_packages(progress, CLUSTER)
        tags = build_images(settings, progress)
        push_images(settings, progress, tags)
        return tags

    return complete(progress, prepare)


def prepare_local_cluster(settings: Settings, progress: Progress) -> dict[str, str]:
    """A running local cluster that holds the newest images; returns their tags."""
    check_machine(settings.cache, built=(settings.programs / "kubelet").exists())
    running = is_running(settings, progress)
    if not running:
        check_route_is_free()
        # Asked now rather than after twenty minutes of building.
        listen(settings.panel_port).close()
        note_borrowed()
    lanes = Lanes(progress)
    packages = lanes.begin(lambda: install_packages(progress, CLUSTER))
    programs = lanes.begin(lambda: build_programs(settings, progress, [b for b in BUILDS if not b.c_compiler]))

    def make_images() -> dict[str, str]:
        packages.result()
        return build_images(settings, progress)

    def start() -> None:
        packages.result()
        programs.result()
        build_programs(settings, progress, [b for b in BUILDS if b.c_compiler])
        if not running:
            pause, name_server = make_pause(settings), make_name_server(settings)
            start_cluster(settings, progress, pause)
            load_images(settings, progress, [pause, name_server])
            finish_start(settings, progress, name_server)

    def prepare_environment() -> None:
        packages.result()
        make_environment(settings, progress)

    images = lanes.begin(make_images)
    cluster = lanes.begin(start)
    lanes.begin(prepare_environment)

    def load() -> None:
        cluster.result()
        load_images(settings, progress, [image_name(name, tag) for name, tag in images.result().items()])

    lanes.begin(load)
    lanes.finish()
    return images.result()


def is_running(settings: Settings, progress: Progress) -> bool:
    """Whether this checkout's cluster runs whole; a half-started, broken or rebooted one is removed first."""
    if not any(path.exists() for path in (RUN, NETWORK_NAMESPACE, DATA / "etcd")):
        return False
    require_own_cluster(settings)
    parts = [*component_commands(settings.programs), ENFORCER]
    ended = [name for name in parts if processes.find_pid(name) is None]
    if STARTED.exists() and not ended:
        return True
    reason = f"{', '.join(ended)} ended" if STARTED.exists() else "an earlier start was not finished"
    progress.say("cluster", f"{reason}: removing what is left of it")
    remove_cluster(settings, progress)
    return False


def welcome(settings: Settings) -> str:
    """What a person needs to know once everything runs."""
    command = kubectl(settings)
    shown = " ".join(command)
    address = f"http://127.0.0.1:{settings.panel_port}"
    if not settings.is_local:
        forward = f"{shown} -n stockade-system port-forward service/stockade-panel {settings.panel_port}:8080"
        address += f"   (after: {forward})"
    return f"""
Stockade runs.

  Panel           {address}
  A trader        {EMAIL}   {keep_password(settings, "demo")}
  Administrator   {ADMIN_EMAIL}   {keep_password(settings, "admin")}

  export KUBECONFIG={settings.kubeconfig} PATH={settings.programs}:$PATH
  kubectl get trading -A                                   accounts and algorithms, and how they are
  kubectl -n {TENANT_NAMESPACE} describe algorithm momentum      why it is so
  kubectl -n {TENANT_NAMESPACE} patch algorithm momentum --type merge -p '{{"spec":{{"trading":"Halted"}}}}'
"""
