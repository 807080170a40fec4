"""Whether a live object still is what its manifest says.

Apart from the cluster's client because it is the rule behind "no write when nothing changed": the API server fills in
defaults and spells quantities its own way, and neither is a difference.
"""

from typing import Any

from stockade_operator.manifests.metadata import DESIRED_HASH_ANNOTATION, Manifest
from stockade_operator.manifests.quantity import parse_quantity


def is_current(live: Manifest | None, manifest: Manifest) -> bool:
    """Return whether the live object was made from this manifest and nobody has bent it since."""
    if live is None:
        return False
    sealed = manifest["metadata"]["annotations"][DESIRED_HASH_ANNOTATION]
    if live["metadata"].get("annotations", {}).get(DESIRED_HASH_ANNOTATION) != sealed:
        return False
    return covers(live, manifest)


def covers(live: Any, wanted: Any) -> bool:
    """Return whether the live value has everything of the wanted one; what only the live one has is a default."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(covers(live.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(covers(one, other) for one, other in zip(live, wanted, strict=True))
        )
    if isinstance(wanted, str) and isinstance(live, str) and live != wanted:
        number = parse_quantity(wanted)
        return number is not None and number == parse_quantity(live)
    # The API server leaves an empty text out.
    return bool(live == wanted) or (wanted == "" and live is None)
