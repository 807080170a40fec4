"""Names, labels and annotations of everything the operator makes.

Apart from the manifests so that a name is spelled once, and found again by whoever looks for the object.
"""

import hashlib
import json
from typing import Any

Manifest = dict[str, Any]
"""One Kubernetes object as JSON."""

MANAGER = "stockade-operator"
API_VERSION = "stockade.dev/v1alpha1"

PART_OF_LABEL = "app.kubernetes.io/part-of"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
NAME_LABEL = "app.kubernetes.io/name"
TENANT_LABEL = "stockade.dev/tenant"
ACCOUNT_LABEL = "stockade.dev/account"
ALGORITHM_LABEL = "stockade.dev/algorithm"
ENVIRONMENT_LABEL = "stockade.dev/environment"
VERSION_LABEL = "stockade.dev/version"

CONTROL_ANNOTATION = "stockade.dev/control"
CONTROL_REPEATED_ANNOTATION = "stockade.dev/control-repeated"
"""When a kubelet that had missed the control was last made to look at the pod again."""
USER_HASH_ANNOTATION = "stockade.dev/user-hash"
PLATFORM_HASH_ANNOTATION = "stockade.dev/platform-hash"
DESIRED_HASH_ANNOTATION = "stockade.dev/desired-hash"
VERSION_HASH_ANNOTATION = "stockade.dev/version-hash"
KEYS_SECRET_ANNOTATION = "stockade.dev/keys-secret"  # noqa: S105 - an annotation that holds a name, not a secret
SKIP_ON_STOP_ANNOTATION = "stockade.dev/skip-on-stop"

ON_STOP_FINALIZER = "stockade.dev/on-stop"
TENANT_FINALIZER = "stockade.dev/tenant"

ALGORITHM_POD = "algorithm"
ACCOUNT_GATEWAY = "account-gateway"
NETWORK_CANARY = "network-canary"
LEDGER_SECRET = "stockade-ledger"  # noqa: S105 - the Secret's name
NAMESPACE_PREFIX = "tenant-"


def name_namespace(tenant: str) -> str:
    """Return the namespace of a tenant."""
    return NAMESPACE_PREFIX + tenant


def name_tenant(namespace: str) -> str | None:
    """Return the tenant whose namespace this is, or None when it is nobody's."""
    return namespace.removeprefix(NAMESPACE_PREFIX) if namespace.startswith(NAMESPACE_PREFIX) else None


def name_pod(algorithm: str) -> str:
    """Return the one name a pod of this algorithm may have: a second pod is refused by the API server."""
    return f"algo-{algorithm}"


def name_version(algorithm: str, number: int) -> str:
    """Return the ConfigMap that holds one frozen version."""
    return f"algo-{algorithm}-v{number}"


def name_account_gateway(account: str) -> str:
    """Return the Deployment and the Service of an account's gateway."""
    return f"account-{account}"


def label(tenant: str, **more: str) -> dict[str, str]:
    """Return the labels that everything the operator makes carries."""
    return {PART_OF_LABEL: "stockade", MANAGED_BY_LABEL: MANAGER, TENANT_LABEL: tenant, **more}


def refer_to_owner(kind: str, name: str, uid: str) -> Manifest:
    """Return the reference by which a child is ours, and goes when its owner has gone."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def hash_json(value: object) -> str:
    """Return 16 hex digits that change when the value does; key order does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seal(manifest: Manifest) -> Manifest:
    """Return the manifest with an annotation that holds the hash of all the rest of it."""
    annotations = dict(manifest["metadata"].get("annotations", {}))
    annotations[DESIRED_HASH_ANNOTATION] = hash_json(manifest)
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
