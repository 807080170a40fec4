"""The canary: a pod that tries, from inside a tenant's namespace, one door that is open to it and one that is not.

Both doors are the operator's own, on the same address, so that nothing but the tenant's NetworkPolicies stands between
the canary and the second one.
"""

from stockade_operator.manifests.containers import (
    GATEWAY_UID,
    harden_container,
    harden_pod,
    make_memory_volume,
    write_environment,
)
from stockade_operator.manifests.metadata import (
    NAME_LABEL,
    NETWORK_CANARY,
    Manifest,
    label,
    name_namespace,
    refer_to_owner,
)
from stockade_operator.settings import Settings

OPEN_PORT = 8080
"""The operator's health page; a policy of the namespace lets the canary out to it."""
CLOSED_PORT = 8081
"""A second door of the operator's that only canaries knock at; no policy of the namespace lets one out to it."""
DEADLINE_SECONDS = 60
CPU, MEMORY = "100m", "48Mi"


def make_network_canary(tenant: str, uid: str, address: str, settings: Settings) -> Manifest:
    """Return the pod; it ends by itself and leaves what it found as its termination message.

    The Tenant owns it: a pod that nobody owns would not be drained from a node unless by force.
    """
    host = f"[{address}]" if ":" in address else address
    doors = {
        "STOCKADE_OPEN_DOOR": f"{host}:{OPEN_PORT}",
        "STOCKADE_CLOSED_DOOR": f"{host}:{CLOSED_PORT}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NETWORK_CANARY,
            "namespace": name_namespace(tenant),
            "labels": label(tenant, **{NAME_LABEL: NETWORK_CANARY}),
            "ownerReferences": [refer_to_owner("Tenant", tenant, uid)],
        },
        "spec": {
            **harden_pod(),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "canary",
                    "image": settings.gateway_image,
                    "imagePullPolicy": settings.image_pull_policy,
                    "args": ["network-canary"],
                    "env": write_environment(doors),
                    "resources": {
                        "requests": {"cpu": "5m", "memory": "16Mi", "ephemeral-storage": "1Mi"},
                        "limits": {"cpu": CPU, "memory": MEMORY, "ephemeral-storage": "8Mi"},
                    },
                    "securityContext": harden_container(GATEWAY_UID),
                    "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],  # noqa: S108 - private, in memory
                }
            ],
            "volumes": [make_memory_volume("shm", "1Mi")],
        },
    }
