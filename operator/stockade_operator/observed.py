"""What the watches last said about tenants, accounts, algorithms and pods.

Apart from the cluster's client so that a reconcile reads memory in the common case and asks the API server in the rare
one: an object that is not here is asked for before anybody believes that it does not exist.
"""

from collections import defaultdict
from typing import NamedTuple

from stockade_operator.cluster import Cluster
from stockade_operator.manifests.metadata import Manifest


class Key(NamedTuple):
    """One object's place; `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str


def key_of(kind: str, manifest: Manifest) -> Key:
    """Return the key of an object."""
    metadata = manifest["metadata"]
    return Key(kind, metadata.get("namespace") or "", metadata["name"])


class Observed:
    """The newest state of each object that has been seen, by resource version."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._objects: dict[str, dict[str, dict[str, Manifest]]] = defaultdict(lambda: defaultdict(dict))
        """By kind, namespace and name."""
        self._dropped: dict[Key, int] = {}
        """Deletions since the last resync, so that a list made before one can't bring its object back."""

    def put(self, kind: str, manifest: Manifest) -> bool:
        """Take an object in; an older state than the known one is ignored and gives False."""
        key = key_of(kind, manifest)
        known = self.peek(key)
        if known is not None and _version(known) > _version(manifest):
            return False
        if self._dropped.get(key, -1) >= _version(manifest):
            return False
        self._objects[kind][key.namespace][key.name] = manifest
        return True

    def drop(self, kind: str, manifest: Manifest) -> None:
        """Forget a deleted object, unless a newer one of its name is known."""
        key = key_of(kind, manifest)
        self._dropped[key] = _version(manifest)
        known = self.peek(key)
        if known is not None and _version(known) <= _version(manifest):
            self._forget(key)

    def peek(self, key: Key) -> Manifest | None:
        """Return the object from memory, and never ask."""
        return self._objects[key.kind][key.namespace].get(key.name)

    async def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return the object from memory, or else from the API server; None when neither has it."""
        known = self.peek(Key(kind, namespace, name))
        return known if known is not None else await self.refresh(kind, namespace, name)

    async def refresh(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return the object as the API server has it now."""
        key = Key(kind, namespace, name)
        before = self.peek(key)
        live = await self._cluster.get(kind, namespace or None, name)
        if live is not None:
            self.put(kind, live)
        elif before is not None and self.peek(key) is before:
            self._forget(key)
        return live

    def list_known(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """Return every known object of a kind by name, in one namespace or in all."""
        spaces = self._objects[kind]
        chosen = sorted(spaces) if namespace is None else [namespace]
        return [spaces[space][name] for space in chosen for name in sorted(spaces[space])]

    async def settle(self, kind: str, listed: list[Manifest]) -> None:
        """Bring memory in line with a fresh list.

        List and watch may overtake each other, so an object that the list does not have is read by itself.
        """
        fresh = {key_of(kind, manifest) for manifest in listed}
        for manifest in listed:
            self.put(kind, manifest)
        for key in [key_of(kind, each) for each in self.list_known(kind)]:
            if key in fresh:
                continue
            await self.refresh(kind, key.namespace, key.name)
        self._dropped = {key: version for key, version in self._dropped.items() if key.kind != kind}

    def _forget(self, key: Key) -> None:
        del self._objects[key.kind][key.namespace][key.name]
        if not self._objects[key.kind][key.namespace]:
            del self._objects[key.kind][key.namespace]


def _version(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])
