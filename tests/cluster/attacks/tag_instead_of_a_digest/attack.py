"""Code by an image's tag instead of its digest.

After the review the tag means another image.
"""

from tests.support.attacks.outside import Place
from tests.support.good_objects import make_object


def attack(place: Place) -> None:
    """Write it; bare, a pod; without the schema, the pod that the operator would make."""
    image = "r.example/strategy:reviewed"
    if place.is_hardened:
        made = make_object("Algorithm", "x", place.tenant.namespace)
        made["spec"]["source"] = {"image": image}
    else:
        volume = {"name": "code", "image": {"reference": image}}
        spec = {"containers": [{"name": "c", "image": "r.example/runner@sha256:" + "0" * 64}], "volumes": [volume]}
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "default"}, "spec": spec}
    place.ask("create", "--dry-run=server", "-f", "-", body=made)
