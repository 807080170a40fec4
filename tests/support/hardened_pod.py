"""The operator's own algorithm pod, and for each rule of the admission policy the changes that break that rule.

The rules themselves come from the chart and the pod from the operator's builder: a rule without a change here, or a
field of the pod that neither a change nor a reason covers, fails the test that reads this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stockade_operator.manifests.algorithm_pod import PodInputs, make_pod
from stockade_operator.manifests.exchange import Exchange
from tests.support.good_objects import LEAVE_OUT

ALGORITHM = "spec.containers.algorithm"
GATEWAY = "spec.initContainers.gateway"
BOTH = (ALGORITHM, GATEWAY)


def make_good_pod(namespace: str, registry: str) -> dict[str, Any]:
    """Return the operator's own pod without an owner, so that neither operator nor garbage collector cares for it."""
    pod = make_pod(
        PodInputs(
            tenant="trial",
            namespace=namespace,
            algorithm="trial",
            uid="0d5a0f0e-0000-4000-8000-000000000000",
            account="paper",
            environment="Paper",
            keys_secret="paper-keys-1",
            exchange=Exchange("http://x:9000", "ws://x:9000/ws-api/v3", "ws://x:9000"),
            own_endpoints=False,
            version=1,
            version_hash="0" * 16,
            symbols=("BTCUSDT",),
            entrypoint="",
            cpu="100m",
            memory="64Mi",
            runtime_class=None,
            host_users=True,
            code_image=None,
            gateway_image=f"{registry}/gateway:trial",
            algorithm_image=f"{registry}/algorithm:trial",
            image_pull_policy="IfNotPresent",
        ),
        control="{}",
    )
    pod["metadata"] = {
        key: value for key, value in pod["metadata"].items() if key not in {"ownerReferences", "finalizers"}
    }
    pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "test"
    pod["spec"]["nodeSelector"] = {"stockade.dev/no-such-node": "true"}
    return pod


@dataclass(frozen=True)
class Break:
    """One way to break one rule: the pod with these fields set or left out."""

    name: str
    changes: dict[str, object]
    instead: frozenset[str] = field(default_factory=frozenset)
    """Rules that the change can't but break as well, by the beginning of their messages; any may be told first."""


def _each(name: str, path: str, value: object) -> list[Break]:
    """The same change in both containers."""
    return [Break(f"{name} of the {where.rpartition('.')[2]}", {f"{where}.{path}": value}) for where in BOTH]


PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
COMMAND = {"exec": {"command": ["sh"]}}
KEY = {"name": "STOCKADE_SYMBOLS", "valueFrom": {"secretKeyRef": {"name": "paper-keys-1", "key": "apiKey"}}}

BREAKS: dict[str, list[Break]] = {
    "containers: exactly one": [
        Break("a second container", {"spec.containers.1": {"name": "more", "image": "x"}}),
        Break("another name", {f"{ALGORITHM}.name": "main"}),
        Break("no gateway", {"spec.initContainers": []}),
        Break("a gateway that ends", {f"{GATEWAY}.{part}": LEAVE_OUT for part in ("restartPolicy", *PROBES)}),
    ],
    "hostNetwork:": [Break("the host's network", {"spec.hostNetwork": True})],
    "hostPID and hostIPC:": [
        Break("the host's processes", {"spec.hostPID": True}),
        Break("the host's memory", {"spec.hostIPC": True}),
    ],
    "shareProcessNamespace:": [Break("shared processes", {"spec.shareProcessNamespace": True})],
    "automountServiceAccountToken:": [
        # The API server itself mounts a token where nothing forbids it.
        Break(
            "a token",
            {"spec.automountServiceAccountToken": True},
            frozenset({"volumes: only", "volumeMounts:"}),
        )
    ],
    "enableServiceLinks:": [Break("service links", {"spec.enableServiceLinks": True})],
    "volumes: only": [
        Break("a path of the host", {"spec.volumes.journal": {"name": "journal", "hostPath": {"path": "/"}}}),
        Break(
            "a token by hand",
            {
                "spec.volumes.journal": {
                    "name": "journal",
                    "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]},
                }
            },
        ),
    ],
    "emptyDir: write a sizeLimit": [
        Break(f"no end to {name}", {f"spec.volumes.{name}.emptyDir.sizeLimit": LEAVE_OUT})
        for name in ("run", "journal", "gateway-tmp", "gateway-shm", "algorithm-tmp", "algorithm-shm")
    ],
    "supplementalGroupsPolicy:": [
        Break("groups of the image", {"spec.securityContext.supplementalGroupsPolicy": LEAVE_OUT}),
        Break("a group of the files", {"spec.securityContext.fsGroup": 10001}),
        Break("a group of the gateway's", {"spec.securityContext.supplementalGroups": [10001]}),
    ],
    "runAsNonRoot:": [
        Break("perhaps root", {"spec.securityContext.runAsNonRoot": LEAVE_OUT}),
        *_each("perhaps root", "securityContext.runAsNonRoot", value=False),
    ],
    "runAsUser and runAsGroup:": [
        Break("the gateway's user", {f"{ALGORITHM}.securityContext.runAsUser": 10001}),
        Break("the gateway's group", {f"{ALGORITHM}.securityContext.runAsGroup": 10001}),
        Break("the algorithm's user", {f"{GATEWAY}.securityContext.runAsUser": 10002}),
        Break("the algorithm's group", {f"{GATEWAY}.securityContext.runAsGroup": 10002}),
        *_each("no user", "securityContext.runAsUser", LEAVE_OUT),
        *_each("no group", "securityContext.runAsGroup", LEAVE_OUT),
    ],
    "seccompProfile:": [
        Break("no seccomp", {"spec.securityContext.seccompProfile": LEAVE_OUT}),
        *_each("no seccomp", "securityContext.seccompProfile", {"type": "Unconfined"}),
    ],
    "allowPrivilegeEscalation:": _each("escalation", "securityContext.allowPrivilegeEscalation", value=True),
    "privileged:": [
        # The API server does not take a privileged container that forbids escalation.
        Break(
            f"privilege of the {where.rpartition('.')[2]}",
            {
                f"{where}.securityContext.privileged": True,
                f"{where}.securityContext.allowPrivilegeEscalation": LEAVE_OUT,
            },
            frozenset({"allowPrivilegeEscalation:"}),
        )
        for where in BOTH
    ],
    "capabilities:": [
        *_each("kept capabilities", "securityContext.capabilities", LEAVE_OUT),
        *_each("an added capability", "securityContext.capabilities", {"drop": ["ALL"], "add": ["NET_RAW"]}),
    ],
    "readOnlyRootFilesystem:": _each("a writable root", "securityContext.readOnlyRootFilesystem", value=False),
    "procMount:": [
        Break(
            f"an open /proc of the {where.rpartition('.')[2]}",
            {"spec.hostUsers": False, f"{where}.securityContext.procMount": "Unmasked"},
        )
        for where in BOTH
    ],
    "limits: write cpu": [
        change
        for name in ("cpu", "memory", "ephemeral-storage")
        for change in [
            Break(
                f"no limit of {name} for the {where.rpartition('.')[2]}",
                {f"{where}.resources.limits.{name}": LEAVE_OUT},
            )
            for where in BOTH
        ]
    ],
    "volumeMounts: both containers mount": [
        Break("the pod's /dev/shm for the algorithm", {f"{ALGORITHM}.volumeMounts.algorithm-shm": LEAVE_OUT}),
        Break("the pod's /dev/shm for the gateway", {f"{GATEWAY}.volumeMounts.gateway-shm": LEAVE_OUT}),
        Break("no /tmp of the algorithm's own", {f"{ALGORITHM}.volumeMounts.algorithm-tmp": LEAVE_OUT}),
        Break("no /tmp of the gateway's own", {f"{GATEWAY}.volumeMounts.gateway-tmp": LEAVE_OUT}),
    ],
    "hostPort:": [
        Break("a port of the host", {f"{GATEWAY}.ports.status.hostPort": 8081}),
        Break("the algorithm's port", {f"{ALGORITHM}.ports": [{"containerPort": 1, "hostPort": 1}]}),
    ],
    "image: the gateway's container": [Break("another gateway", {f"{GATEWAY}.image": "r.example/gateway:1"})],
    "args: the gateway runs as sidecar": [
        Break("another mode", {f"{GATEWAY}.args": ["account"]}),
        Break("another program", {f"{GATEWAY}.command": ["python"]}),
        Break("a hook of the gateway", {f"{GATEWAY}.lifecycle": {"postStart": COMMAND}}),
    ],
    "image: the algorithm's container": [
        Break("a user's image", {f"{ALGORITHM}.image": "r.example/mine:1"}),
        Break("the gateway's image", {f"{ALGORITHM}.image": "localhost/stockade/gateway:1"}),
    ],
    "command, args, lifecycle and probes:": [
        Break("no launcher", {f"{ALGORITHM}.command": ["python"]}),
        Break("other arguments", {f"{ALGORITHM}.args": ["-c", "1"]}),
        Break("a hook", {f"{ALGORITHM}.lifecycle": {"postStart": COMMAND}}),
        *(Break(f"a {probe}", {f"{ALGORITHM}.{probe}": COMMAND}) for probe in PROBES),
    ],
    "env: the algorithm's environment is plain": [
        Break("a Secret in the environment", {f"{ALGORITHM}.env.STOCKADE_SYMBOLS": KEY}),
        Break("a Secret as environment", {f"{ALGORITHM}.envFrom": [{"secretRef": {"name": "paper-keys-1"}}]}),
    ],
    "env: only STOCKADE_ALGORITHM": [
        Break("code before the launcher", {f"{ALGORITHM}.env": [{"name": "LD_PRELOAD", "value": "/tmp/a.so"}]})
    ],
    "volumeMounts: the algorithm mounts no Secret": [
        Break("the keys", {f"{ALGORITHM}.volumeMounts.algorithm.name": "keys"}),
        Break("the ledger's password", {f"{ALGORITHM}.volumeMounts.algorithm.name": "ledger"}),
        Break("the control", {f"{ALGORITHM}.volumeMounts.algorithm.name": "control"}),
    ],
    "volumeMounts: gateway and algorithm share": [
        Break(f"the gateway's {name}", {f"{ALGORITHM}.volumeMounts.algorithm.name": name})
        for name in ("journal", "gateway-tmp", "gateway-shm")
    ],
    "volumeMounts: the algorithm writes to": [
        Break(
            "a writable ring",
            {f"{ALGORITHM}.volumeMounts.run": {"name": "run", "mountPath": "/run/stockade"}},
            frozenset({"volumeMounts: write recursiveReadOnly"}),
        ),
        Break("writable code", {f"{ALGORITHM}.volumeMounts.algorithm.readOnly": LEAVE_OUT}),
    ],
    "volumeMounts: write recursiveReadOnly": [
        Break("mounts below the ring", {f"{ALGORITHM}.volumeMounts.run.recursiveReadOnly": LEAVE_OUT})
    ],
}
"""By the beginning of a rule's message."""

NO_HARDENING = {
    "spec.nodeSelector": "the trial's own",
    "spec.restartPolicy": "how long it lives, not what it may",
    "spec.terminationGracePeriodSeconds": "how long onStop may take",
    "spec.containers.algorithm.imagePullPolicy": "where the image comes from is said by its name",
    "spec.initContainers.gateway.imagePullPolicy": "where the image comes from is said by its name",
    "spec.containers.algorithm.resources.requests": "what the scheduler reckons with; the limits bound",
    "spec.initContainers.gateway.resources.requests": "what the scheduler reckons with; the limits bound",
    "spec.containers.algorithm.terminationMessagePolicy": "where its last words are read",
    "spec.initContainers.gateway.terminationMessagePolicy": "where its last words are read",
    "spec.initContainers.gateway.env": "whom it trades for, and where; the gateway checks it against its keys",
    **{
        f"spec.initContainers.gateway.{probe}": "when it counts as ready; it denies by itself before"
        for probe in PROBES
    },
    "spec.initContainers.gateway.volumeMounts": "what is the gateway's own; the algorithm's mounts are ruled",
    "spec.volumes": "which volumes there are; their kinds, bounds and mounts are ruled",
    "spec.containers.algorithm.volumeMounts": "where its own volumes lie; what may not be among them is ruled",
}
"""Fields of the pod that no rule has to hold, by the beginning of their path, and why."""


def list_fields(value: object, path: str = "spec") -> Iterator[str]:
    """Yield the path of every leaf of a pod; elements of lists by name where they have one."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from list_fields(part, f"{path}.{key}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, part in enumerate(value):
            yield from list_fields(part, f"{path}.{part.get('name', number)}")
    else:
        yield path


def is_covered(path: str, broken: set[str]) -> bool:
    """Return whether a change breaks this field or what it lies in, or a reason stands for it."""
    return any(path == known or path.startswith(f"{known}.") for known in (*broken, *NO_HARDENING))
