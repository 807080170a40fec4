"""Versions: the source and parameters of an Algorithm, frozen in one immutable ConfigMap for each change."""

from dataclasses import dataclass

from stockade_crds import Algorithm, Version
from stockade_operator.cluster import Cluster
from stockade_operator.errors import ConflictError
from stockade_operator.manifests.metadata import (
    ALGORITHM_LABEL,
    VERSION_HASH_ANNOTATION,
    VERSION_LABEL,
    Manifest,
    name_version,
)
from stockade_operator.manifests.version import Content, make_version

RETENTION = 10
LARGEST_SOURCE = 262144


@dataclass(frozen=True)
class Found:
    """The content of the source as it is now, or why there is none."""

    content: Content | None
    error: str | None = None


async def read_source(cluster: Cluster, algorithm: Algorithm) -> Found:
    """Return what the Algorithm would run if it started now."""
    source, parameters = algorithm.spec.source, algorithm.spec.parameters or {}
    if source.config_map is None:
        return Found(Content(code=source.inline, image=source.image, parameters=parameters))
    name, key = source.config_map.name, source.config_map.key
    config_map = await cluster.get("ConfigMap", algorithm.metadata.namespace, name)
    if config_map is None:
        return Found(
            None, f"There is no ConfigMap {name!r} in this namespace. Create it, or name another in spec.source."
        )
    code = config_map.get("data", {}).get(key)
    if not code:
        return Found(None, f"ConfigMap {name!r} has no text under {key!r}. Add it, or name another key in spec.source.")
    if len(code.encode()) > LARGEST_SOURCE:
        return Found(None, f"ConfigMap {name!r} holds more than {LARGEST_SOURCE} bytes under {key!r}. Use an image.")
    return Found(Content(code=code, image=None, parameters=parameters))


async def freeze(cluster: Cluster, tenant: str, algorithm: Algorithm, content: Content) -> Version:
    """Return the version of this content, made now if it is new.

    Killed between the ConfigMap and the status, the next run finds the ConfigMap under the next number and takes it.
    """
    current, wanted = algorithm.status.version, content.hash()
    number = (
        current.number if current is not None and current.hash == wanted else 1 + (current.number if current else 0)
    )
    namespace, uid = algorithm.metadata.namespace or "", algorithm.metadata.uid or ""
    while True:
        manifest = make_version(
            tenant=tenant,
            namespace=namespace,
            algorithm=algorithm.metadata.name,
            uid=uid,
            number=number,
            content=content,
        )
        live = await cluster.get("ConfigMap", namespace, name_version(algorithm.metadata.name, number))
        if live is None:
            await cluster.create(manifest)
            await _prune(cluster, algorithm, number)
            return Version(number=number, hash=wanted)
        if not _is_owned(live, uid):
            # A former Algorithm of this name left it, and it would go with that one's pod anyway.
            await cluster.delete("ConfigMap", live)
            raise ConflictError(f"ConfigMap {live['metadata']['name']!r} of a former Algorithm is being removed")
        if live["metadata"].get("annotations", {}).get(VERSION_HASH_ANNOTATION) == wanted:
            return Version(number=number, hash=wanted)
        number += 1


async def _prune(cluster: Cluster, algorithm: Algorithm, newest: int) -> None:
    """Remove all but the newest versions; the one a pod may still run is among those that stay."""
    selector = f"{ALGORITHM_LABEL}={algorithm.metadata.name},{VERSION_LABEL}"
    for live in await cluster.list_objects("ConfigMap", algorithm.metadata.namespace, selector):
        number = int(live["metadata"]["labels"][VERSION_LABEL])
        if number <= newest - RETENTION and _is_owned(live, algorithm.metadata.uid or ""):
            await cluster.delete("ConfigMap", live)


def _is_owned(live: Manifest, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in live["metadata"].get("ownerReferences", []))
