"""The algorithm's pod: a gateway that holds the keys and, behind it, the algorithm that does not.

The ValidatingAdmissionPolicy of the chart says the same from the other side: a pod that differs is refused there.
"""

from dataclasses import dataclass, replace

from stockade_crds import list_key_slots
from stockade_operator.manifests.account_gateway import find_account_gateway
from stockade_operator.manifests.containers import (
    ALGORITHM_UID,
    GATEWAY_UID,
    harden_container,
    harden_pod,
    make_control_volume,
    make_keys_volume,
    make_memory_volume,
    make_probe,
    make_secret_volume,
    write_environment,
)
from stockade_operator.manifests.exchange import Exchange, write_exchange_environment
from stockade_operator.manifests.metadata import (
    ACCOUNT_LABEL,
    ALGORITHM_LABEL,
    ALGORITHM_POD,
    CONTROL_ANNOTATION,
    ENVIRONMENT_LABEL,
    KEYS_SECRET_ANNOTATION,
    LEDGER_SECRET,
    NAME_LABEL,
    ON_STOP_FINALIZER,
    PLATFORM_HASH_ANNOTATION,
    USER_HASH_ANNOTATION,
    VERSION_LABEL,
    Manifest,
    hash_json,
    label,
    name_pod,
    name_version,
    refer_to_owner,
)
from stockade_operator.manifests.quantity import share_cpu, share_memory

GRACE_SECONDS = 90
"""From SIGTERM on: the algorithm's `on_stop`, then the gateway's `onStop`, Flatten included."""
STATUS_PORT = 8081
START_SECONDS = 600
"""A gateway that is not connected and reconciled by then is started anew."""


@dataclass(frozen=True, kw_only=True)
class PodInputs:
    """Everything an algorithm's pod is made of."""

    tenant: str
    namespace: str
    algorithm: str
    uid: str
    account: str
    environment: str
    keys_secret: str
    exchange: Exchange
    own_endpoints: bool
    """Whether the user wrote the exchange's addresses, so that a change of them is the user's."""
    version: int
    version_hash: str
    symbols: tuple[str, ...]
    entrypoint: str
    cpu: str
    memory: str
    runtime_class: str | None
    host_users: bool
    code_image: str | None
    gateway_image: str
    algorithm_image: str
    image_pull_policy: str


def make_pod(inputs: PodInputs, control: str) -> Manifest:
    """Return the pod with its control text and the two hashes by which a change of it is judged."""
    name = inputs.algorithm
    labels = {
        NAME_LABEL: ALGORITHM_POD,
        ALGORITHM_LABEL: name,
        ACCOUNT_LABEL: inputs.account,
        ENVIRONMENT_LABEL: inputs.environment,
        VERSION_LABEL: str(inputs.version),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name_pod(name),
            "namespace": inputs.namespace,
            "labels": label(inputs.tenant, **labels),
            "annotations": {
                CONTROL_ANNOTATION: control,
                USER_HASH_ANNOTATION: hash_user_part(inputs),
                PLATFORM_HASH_ANNOTATION: hash_platform_part(inputs),
                KEYS_SECRET_ANNOTATION: inputs.keys_secret,
            },
            "ownerReferences": [refer_to_owner("Algorithm", name, inputs.uid)],
            "finalizers": [ON_STOP_FINALIZER],
        },
        "spec": _make_spec(inputs),
    }


def hash_user_part(inputs: PodInputs) -> str:
    """Return a hash of what the user decides; its change is applied at once.

    The keys are not in it: a running pod takes new ones over without a restart.
    """
    return hash_json(
        {
            "version": inputs.version_hash,
            "entrypoint": inputs.entrypoint,
            "account": inputs.account,
            "environment": inputs.environment,
            "endpoints": vars(inputs.exchange) if inputs.own_endpoints else None,
            "symbols": inputs.symbols,
            "cpu": inputs.cpu,
            "memory": inputs.memory,
            "runtimeClass": inputs.runtime_class,
            # Only where it is asked for: the hash of every pod that runs would change otherwise.
            **({} if inputs.host_users else {"hostUsers": False}),
        }
    )


def hash_platform_part(inputs: PodInputs) -> str:
    """Return a hash of what Stockade's release decides; its change waits for the update policy.

    It is the hash of the pod with everything of the user's replaced, so no field of the pod can be forgotten.
    """
    neutral = replace(
        inputs,
        tenant="t",
        namespace="n",
        algorithm="a",
        uid="u",
        account="x",
        keys_secret="k",  # noqa: S106 - a placeholder for a Secret's name
        exchange=Exchange("", "", "") if inputs.own_endpoints else inputs.exchange,
        version=0,
        version_hash="",
        symbols=(),
        entrypoint="",
        cpu="500m",
        memory="256Mi",
        runtime_class=None,
        host_users=True,
        code_image=inputs.code_image and "image",
    )
    return hash_json(_make_spec(neutral))


def _make_spec(inputs: PodInputs) -> Manifest:
    spec = {
        **harden_pod(),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "initContainers": [_make_gateway(inputs)],
        "containers": [_make_algorithm(inputs)],
        "volumes": _make_volumes(inputs),
    }
    if inputs.runtime_class is not None:
        spec["runtimeClassName"] = inputs.runtime_class
    if not inputs.host_users:
        spec["hostUsers"] = False
    return spec


def _make_gateway(inputs: PodInputs) -> Manifest:
    environment = {
        "STOCKADE_TENANT": inputs.tenant,
        "STOCKADE_NAMESPACE": inputs.namespace,
        "STOCKADE_ALGORITHM": inputs.algorithm,
        "STOCKADE_ALGORITHM_UID": inputs.uid,
        "STOCKADE_ACCOUNT": inputs.account,
        "STOCKADE_VERSION": str(inputs.version),
        "STOCKADE_ENVIRONMENT": inputs.environment,
        **write_exchange_environment(inputs.exchange),
        "STOCKADE_SYMBOLS": ",".join(inputs.symbols),
        "STOCKADE_STATUS_PORT": str(STATUS_PORT),
        "STOCKADE_KEYS_SECRET": inputs.keys_secret,
        "STOCKADE_ACCOUNT_URL": find_account_gateway(inputs.namespace, inputs.account),
    }
    return {
        "name": "gateway",
        "image": inputs.gateway_image,
        "imagePullPolicy": inputs.image_pull_policy,
        "args": ["sidecar"],
        "restartPolicy": "Always",
        "env": write_environment(environment),
        "ports": [{"name": "status", "containerPort": STATUS_PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "20m", "memory": "48Mi", "ephemeral-storage": "16Mi"},
            "limits": {"cpu": "500m", "memory": "192Mi", "ephemeral-storage": "384Mi"},
        },
        "securityContext": harden_container(GATEWAY_UID),
        "startupProbe": make_probe("/readyz", STATUS_PORT, period_seconds=1, failures=START_SECONDS),
        "readinessProbe": make_probe("/readyz", STATUS_PORT, period_seconds=2, failures=2),
        "livenessProbe": make_probe("/livez", STATUS_PORT, period_seconds=10, failures=3),
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": "run", "mountPath": "/run/stockade"},
            {"name": "keys", "mountPath": "/keys", "readOnly": True},
            {"name": "control", "mountPath": "/control", "readOnly": True},
            {"name": "ledger", "mountPath": "/ledger", "readOnly": True},
            {"name": "journal", "mountPath": "/journal"},
            {"name": "gateway-tmp", "mountPath": "/tmp"},  # noqa: S108 - a private volume in memory
            {"name": "gateway-shm", "mountPath": "/dev/shm"},  # noqa: S108 - a private volume in memory
        ],
    }


def _make_algorithm(inputs: PodInputs) -> Manifest:
    environment = {
        "STOCKADE_ALGORITHM": inputs.algorithm,
        "STOCKADE_ENTRYPOINT": inputs.entrypoint,
        "STOCKADE_SYMBOLS": ",".join(inputs.symbols),
    }
    mounts: list[Manifest] = [
        {"name": "run", "mountPath": "/run/stockade", "readOnly": True, "recursiveReadOnly": "Enabled"},
        {"name": "algorithm", "mountPath": "/algorithm", "readOnly": True},
        {"name": "algorithm-tmp", "mountPath": "/tmp"},  # noqa: S108 - a private volume in memory
        {"name": "algorithm-shm", "mountPath": "/dev/shm"},  # noqa: S108 - a private volume in memory
    ]
    if inputs.code_image is not None:
        mounts.append({"name": "parameters", "mountPath": "/parameters", "readOnly": True})
    return {
        "name": "algorithm",
        "image": inputs.algorithm_image,
        "imagePullPolicy": inputs.image_pull_policy,
        "env": write_environment(environment),
        "resources": {
            "requests": {
                "cpu": share_cpu(inputs.cpu, 5),
                "memory": share_memory(inputs.memory, 2),
                "ephemeral-storage": "16Mi",
            },
            "limits": {"cpu": inputs.cpu, "memory": inputs.memory, "ephemeral-storage": "256Mi"},
        },
        "securityContext": harden_container(ALGORITHM_UID),
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
    }


def _make_volumes(inputs: PodInputs) -> list[Manifest]:
    frozen = {"name": name_version(inputs.algorithm, inputs.version), "defaultMode": 0o444}
    volumes: list[Manifest] = [
        make_memory_volume("run", "64Mi"),
        make_keys_volume(list_key_slots(inputs.account, inputs.keys_secret)),
        make_control_volume(CONTROL_ANNOTATION),
        make_secret_volume("ledger", LEDGER_SECRET),
        {"name": "journal", "emptyDir": {"sizeLimit": "256Mi"}},
        make_memory_volume("gateway-tmp", "16Mi"),
        make_memory_volume("gateway-shm", "16Mi"),
        make_memory_volume("algorithm-tmp", "32Mi"),
        make_memory_volume("algorithm-shm", "32Mi"),
    ]
    if inputs.code_image is None:
        volumes.append({"name": "algorithm", "configMap": frozen})
    else:
        code = {"reference": inputs.code_image, "pullPolicy": inputs.image_pull_policy}
        volumes.append({"name": "algorithm", "image": code})
        volumes.append({"name": "parameters", "configMap": frozen})
    return volumes
