"""A pod that mounts the keys, made with the panel's rights.

The right to create pods is the right to read every Secret of the namespace.
"""

from tests.support.attacks.outside import ADMINISTRATOR, PANEL, Place


def attack(place: Place) -> None:
    """Ask for one that Pod Security has nothing against."""
    who = [] if place.is_bare else [PANEL] if place.is_hardened else [PANEL, ADMINISTRATOR]
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1,
    }
    context["seccompProfile"] = {"type": "RuntimeDefault"}
    mount = {"name": "keys", "mountPath": "/keys"}
    container = {"name": "thief", "image": "r.example/mine:1", "securityContext": context, "volumeMounts": [mount]}
    spec = {"containers": [container], "volumes": [{"name": "keys", "secret": {"secretName": "paper-keys-1"}}]}
    metadata = {"name": "thief", "namespace": place.tenant.namespace}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    place.ask("create", "--dry-run=server", "-f", "-", *who, body=pod)
