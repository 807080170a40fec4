"""One frozen version of an algorithm: its code and its parameters in an immutable ConfigMap."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from stockade_operator.manifests.metadata import (
    ALGORITHM_LABEL,
    VERSION_HASH_ANNOTATION,
    VERSION_LABEL,
    Manifest,
    label,
    name_version,
    refer_to_owner,
)


@dataclass(frozen=True)
class Content:
    """What a version freezes; `code` is None when an image holds the code."""

    code: str | None
    image: str | None
    parameters: dict[str, Any]

    def hash(self) -> str:
        """Return the version's SHA-256 in hex."""
        frozen = {"code": self.code, "image": self.image, "parameters": self.parameters}
        return hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()


def make_version(*, tenant: str, namespace: str, algorithm: str, uid: str, number: int, content: Content) -> Manifest:
    """Return the ConfigMap; the pod mounts it, and nobody can change it afterwards."""
    data = {"parameters.json": json.dumps(content.parameters, indent=2, sort_keys=True) + "\n"}
    if content.code is not None:
        data["algorithm.py"] = content.code
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name_version(algorithm, number),
            "namespace": namespace,
            "labels": label(tenant, **{ALGORITHM_LABEL: algorithm, VERSION_LABEL: str(number)}),
            "annotations": {VERSION_HASH_ANNOTATION: content.hash()},
            "ownerReferences": [refer_to_owner("Algorithm", algorithm, uid)],
        },
        "immutable": True,
        "data": data,
    }
