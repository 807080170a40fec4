"""An ExchangeAccount that names a Secret of another namespace.

Another tenant's keys would trade for this one.
"""

import json
from typing import Any

from tests.support.attacks.hostile import Refused
from tests.support.attacks.outside import Place
from tests.support.good_objects import make_object


def attack(place: Place) -> None:
    """Write the reference with a namespace; bare, an object of Kubernetes itself that takes one."""
    made: dict[str, Any]
    if place.is_bare:
        reference = {"name": "keys", "namespace": "tenant-other"}
        csi = {"driver": "x.example", "volumeHandle": "x", "nodePublishSecretRef": reference}
        spec = {"accessModes": ["ReadOnlyMany"], "capacity": {"storage": "1Gi"}, "csi": csi}
        made = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "x"}, "spec": spec}
    else:
        made = make_object("ExchangeAccount", "x", place.tenant.namespace)
        made["spec"]["keysSecret"]["namespace"] = "tenant-other"
    strict = [] if place.stage != "outside" else ["--validate=false"]
    answer = json.loads(place.ask("create", "--dry-run=server", "-o", "json", *strict, "-f", "-", body=made))
    if not place.is_bare and "namespace" not in answer["spec"]["keysSecret"]:
        raise Refused("PRUNED")
