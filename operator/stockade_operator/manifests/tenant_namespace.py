"""The tenant's namespace, its quota and its defaults.

One module because the three say together how much a tenant may hold; who may reach it is in the other tenant modules.
"""

from stockade_crds import Tenant
from stockade_operator.manifests.metadata import Manifest, label, name_namespace, refer_to_owner, seal
from stockade_operator.manifests.network_canary import CPU, MEMORY
from stockade_operator.manifests.quantity import add_cpu, add_memory

POD_SECURITY = "pod-security.kubernetes.io"


def make_namespace(tenant: Tenant) -> Manifest:
    """Return the namespace: it goes with the tenant and enforces Pod Security `restricted`."""
    name = tenant.metadata.name
    levels = {f"{POD_SECURITY}/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return seal(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name_namespace(name),
                "labels": {**label(name), **levels},
                "ownerReferences": [refer_to_owner("Tenant", name, tenant.metadata.uid or "")],
            },
        }
    )


def make_quota(tenant: Tenant) -> Manifest:
    """Return the ResourceQuota: the sums of cpu and memory limits that the tenant's spec allows, and the canary's own.

    The number of Algorithms is judged by the operator, whose answer says which one is too many: an object count here
    would refuse the first Algorithms of every new tenant until the quota controller has counted them.
    """
    quota = tenant.spec.quota
    return seal(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": _metadata(tenant),
            "spec": {
                "hard": {
                    "limits.cpu": add_cpu(quota.cpu, CPU),
                    "limits.memory": add_memory(quota.memory, MEMORY),
                }
            },
        }
    )


def make_limit_range(tenant: Tenant) -> Manifest:
    """Return the LimitRange: a container that names no resources gets small ones, so that the quota can count it."""
    return seal(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": _metadata(tenant),
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "default": {"cpu": "500m", "memory": "256Mi"},
                        "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
                    }
                ]
            },
        }
    )


def _metadata(tenant: Tenant) -> Manifest:
    name = tenant.metadata.name
    return {"name": "stockade", "namespace": name_namespace(name), "labels": label(name)}
