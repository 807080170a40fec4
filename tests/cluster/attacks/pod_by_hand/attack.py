"""An algorithm's pod, made by hand and without its hardening.

It would get the keys, a shared process namespace, and the network of a gateway.
"""

from tests.support.attacks.outside import Place


def attack(place: Place) -> None:
    """Ask for it as an administrator; without the label by which policies know it, only the namespace is left."""
    spec = {"shareProcessNamespace": True, "containers": [{"name": "algorithm", "image": "r.example/mine:1"}]}
    labels = (
        {"app.kubernetes.io/name": "algorithm", "app.kubernetes.io/part-of": "stockade"} if place.is_hardened else {}
    )
    namespace = "default" if place.is_bare else place.tenant.namespace
    metadata = {"name": "algo-by-hand", "namespace": namespace, "labels": labels}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    place.ask("create", "--dry-run=server", "-f", "-", body=pod)
