"""Runs the attacks inside pods of the running cluster: one pod per stage, all stages at the same time."""

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stockade_crds import Tenant
from stockade_operator.manifests.tenant_network import make_network_policies
from tests.support.attacks.bundle import make_launcher, make_source, read_scripts
from tests.support.attacks.expectation import Attack
from tests.support.attacks.hostile import NEIGHBOUR
from tests.support.attacks.weakened import (
    BARE_STAGES,
    HARDENED,
    KEYS_SECRET,
    LEFT_OUT,
    REMOVED_STAGES,
    USER_NAMESPACE,
    copy_into,
    make_stage_pod,
)
from tests.support.containers import pod_processes
from tests.support.kubectl import PROJECT, Kubectl
from tests.support.tenants import PLATFORM, Paper, TestTenant, service_url
from tests.support.waiting import wait_until

ALGORITHM = "hostile"
STAGES_SECONDS = 840
AT_ONCE = 3
"""Pods that are being attacked at the same time; each has a gateway of its own."""
TENANT_LABEL = "stockade.dev/tenant"
LISTEN = (
    "import socket,time; door=socket.socket(socket.AF_UNIX); door.bind('\\0{name}'); door.listen(64); time.sleep(600)"
)
Outcomes = dict[str, str]


@dataclass
class StagePod:
    """A pod in which attacks are tried."""

    stage: str
    name: str
    namespace: str
    has_neighbour: bool = False


@contextlib.contextmanager
def open_tenant(kubectl: Kubectl) -> Iterator[TestTenant]:
    """A tenant for the suite, and two namespaces beside it: one with the tenant's network policies, one without."""
    paper = Paper(service_url(kubectl, "stockade-paper-exchange", PLATFORM, 9000))
    tenant = TestTenant(kubectl, paper, f"attacks-{secrets.token_hex(2)}")
    try:
        yield tenant.create()
    finally:
        for namespace in (name_namespace(tenant, fenced=True), name_namespace(tenant, fenced=False)):
            kubectl.delete("namespace", namespace, wait=False)
        tenant.delete()
        tenant.wait_until_gone()


def name_namespace(tenant: TestTenant, *, fenced: bool) -> str:
    """Return one of the suite's own namespaces."""
    return f"{tenant.name}-{'fenced' if fenced else 'open'}"


def run_inside(kubectl: Kubectl, tenant: TestTenant, attacks: list[Attack]) -> dict[str, Outcomes]:
    """Try the attacks in every stage that is about them; returns the outcomes by stage and attack."""
    targets = find_targets(kubectl)
    chosen = choose_attacks([attack for attack in attacks if attack.is_inside])
    tenant.apply_algorithm(
        ALGORITHM, make_source(chosen[HARDENED], targets), limits={"maxOrderNotional": "1000", "quoteAsset": "USDT"}
    )
    hardened = StagePod(HARDENED, f"algo-{ALGORITHM}", tenant.namespace)
    live = wait_until(
        lambda: kubectl.get("pod", hardened.name, hardened.namespace), "the hostile pod", deadline_seconds=60
    )
    assert live is not None
    prepare_namespaces(kubectl, tenant)
    outcomes: dict[str, Outcomes] = {}
    waiting, coming = [hardened], [stage for stage in chosen if stage != HARDENED]
    ends = time.monotonic() + STAGES_SECONDS
    with contextlib.ExitStack() as neighbours:
        while waiting or coming:
            while coming and len(waiting) < AT_ONCE:
                stage = coming.pop(0)
                waiting.append(start_pod(kubectl, tenant, live, stage, make_source(chosen[stage], targets)))
            for pod in list(waiting):
                pod.has_neighbour = pod.has_neighbour or open_neighbour(kubectl, pod, neighbours)
                if (seen := read_outcomes(kubectl, pod)) is not None:
                    outcomes[pod.stage] = seen
                    waiting.remove(pod)
                    # That one stays: attacks from outside need a pod that the policies do not know.
                    if pod.stage not in (HARDENED, USER_NAMESPACE):
                        kubectl.delete("pod", pod.name, pod.namespace, wait=False)
            left = [pod.stage for pod in waiting] + coming
            assert time.monotonic() < ends, f"not done in {STAGES_SECONDS} s: {', '.join(left)}"
            time.sleep(0.5)
    return outcomes


def choose_attacks(attacks: list[Attack]) -> dict[str, list[Attack]]:
    """Return what is tried in each stage: all of it where all defences stand, else what the stage is about."""
    chosen = {HARDENED: attacks, USER_NAMESPACE: attacks}
    for bare in BARE_STAGES:
        chosen[bare] = [attack for attack in attacks if attack.expected.bare == bare]
    for removed in REMOVED_STAGES:
        chosen[removed] = [attack for attack in attacks if attack.expected.defence == removed]
    return chosen


def prepare_namespaces(kubectl: Kubectl, tenant: TestTenant) -> None:
    """Make the two namespaces beside the tenant's, with its Secrets; its network policies stand in one of them."""
    objects: list[dict[str, Any]] = []
    for fenced in (True, False):
        namespace = name_namespace(tenant, fenced=fenced)
        labels = {TENANT_LABEL: tenant.name}
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
        for name in (KEYS_SECRET, "stockade-ledger"):
            secret = kubectl.get("secret", name, tenant.namespace)
            assert secret is not None
            objects.append(copy_into(secret, namespace))
        if fenced:
            objects += make_fence(kubectl, tenant, namespace)
    kubectl.apply(*objects)


def start_pod(kubectl: Kubectl, tenant: TestTenant, live: dict[str, Any], stage: str, source: str) -> StagePod:
    """Make the pod of a stage after the live one; its gateway trades on the same paper account."""
    pod = StagePod(stage, f"algo-{ALGORITHM}-{stage}", name_namespace(tenant, fenced=stage not in BARE_STAGES))
    if stage != USER_NAMESPACE:
        source += "\nsignal.pause()\n"
    data = {"algorithm.py": source, "parameters.json": "{}", **read_scripts()}
    objects = [make_config_map(pod.name, pod.namespace, data=data)]
    if stage in LEFT_OUT:
        program = {"launcher": make_launcher(LEFT_OUT[stage])}
        objects.append(make_config_map(f"{pod.name}-launcher", pod.namespace, binaryData=program))
    kubectl.apply(*objects, make_stage_pod(stage, live, pod.name, pod.namespace))
    return pod


def make_config_map(name: str, namespace: str, **content: dict[str, str]) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        **content,
    }


def make_fence(kubectl: Kubectl, tenant: TestTenant, namespace: str) -> list[dict[str, Any]]:
    """Return the tenant's own network policies for another namespace."""
    found = Tenant.model_validate(kubectl.get("tenant", tenant.name))
    ledger = f"stockade-postgresql.{PLATFORM}.svc:5432"
    policies = make_network_policies(found, PLATFORM, ledger)
    return [{**policy, "metadata": {**policy["metadata"], "namespace": namespace}} for policy in policies]


def find_targets(kubectl: Kubectl) -> dict[str, str]:
    """Return the addresses that attacks go for."""
    dns = kubectl.get("service", "kube-dns", "kube-system")
    api = kubectl.get("service", "kubernetes", "default")
    assert dns is not None
    assert api is not None
    return {"name server": dns["spec"]["clusterIP"], "API server": api["spec"]["clusterIP"]}


def open_neighbour(kubectl: Kubectl, pod: StagePod, doors: contextlib.ExitStack) -> bool:
    """Listen on an abstract socket in the pod's network namespace, as another container of it could."""
    found = kubectl.get("pod", pod.name, pod.namespace) or {}
    gateways = found.get("status", {}).get("initContainerStatuses", [])
    # Before its first container runs, a pod's first process may not have entered its network yet.
    if not any("running" in gateway["state"] for gateway in gateways):
        return False
    inside = pod_processes(found["metadata"]["uid"])
    command = ["nsenter", f"--net=/proc/{inside[0].pid}/ns/net", sys.executable, "-c", LISTEN.format(name=NEIGHBOUR)]
    process = subprocess.Popen(command, cwd=PROJECT)
    doors.callback(process.wait)
    doors.callback(process.terminate)
    return True


def read_outcomes(kubectl: Kubectl, pod: StagePod) -> Outcomes | None:
    """Return what came of each attack, None while they go on."""
    log = kubectl.attempt("logs", pod.name, "-n", pod.namespace, "-c", "algorithm").stdout
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"attack')]
    if {"attacks": "done"} not in lines:
        return None
    return {line["attack"]: line["outcome"] for line in lines if "attack" in line}
