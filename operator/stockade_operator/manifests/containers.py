"""What every container of a tenant has in common: its hardening, its probes, its environment entries and its volumes.

Apart from the pods so that the hardening is written once and a pod can't forget a piece of it.
"""

from stockade_operator.manifests.metadata import Manifest

GATEWAY_UID = 10001
ALGORITHM_UID = 10002


def harden_pod() -> Manifest:
    """Return the fields of a pod that make it a closed box; both kinds of pod start from them.

    The namespaces of the host are not named: leaving them out is how a pod does not have them.
    """
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "shareProcessNamespace": False,
        "restartPolicy": "Always",
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "supplementalGroupsPolicy": "Strict",
        },
    }


def harden_container(uid: int) -> Manifest:
    """Return a container's security context: nothing to gain, nothing to write."""
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def write_environment(values: dict[str, str]) -> list[Manifest]:
    """Return the entries of a container's `env`."""
    return [{"name": name, "value": value} for name, value in values.items()]


def make_probe(path: str, port: int, period_seconds: int, failures: int) -> Manifest:
    """Return an HTTP probe with every field that the API server would otherwise fill in."""
    return {
        "httpGet": {"path": path, "port": port, "scheme": "HTTP"},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 3,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


def make_memory_volume(name: str, size: str) -> Manifest:
    """Return a volume in memory, private to the pod and bounded; its pages count as the writer's memory."""
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}}


def make_secret_volume(name: str, secret: str) -> Manifest:
    """Return a volume with a Secret's files, mounted by the gateway only.

    The files belong to root and have the mode 0444, because only the gateway mounts them; an fsGroup would let it read
    them more narrowly, and would make the other volumes writable for both containers.
    """
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o444}}


def make_keys_volume(secrets: list[str]) -> Manifest:
    """Return a volume with one folder for each version of the keys, for the gateway only.

    All are optional: one that does not exist yet appears when it does, and one that is deleted holds up nothing.
    """
    entries = ("apiKey", "apiSecret", "privateKey")
    sources = [
        {
            "secret": {
                "name": secret,
                "optional": True,
                "items": [{"key": entry, "path": f"{secret}/{entry}"} for entry in entries],
            }
        }
        for secret in secrets
    ]
    return {"name": "keys", "projected": {"defaultMode": 0o444, "sources": sources}}


def make_control_volume(annotation: str) -> Manifest:
    """Return the downward API volume that turns one annotation of the pod into the file `control`."""
    path = f"metadata.annotations['{annotation}']"
    return {
        "name": "control",
        "downwardAPI": {
            "defaultMode": 0o444,
            "items": [{"path": "control", "fieldRef": {"apiVersion": "v1", "fieldPath": path}}],
        },
    }
