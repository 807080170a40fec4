"""What an event means: which object is put into memory, and which objects are reconciled for it.

Apart from kopf's handlers so that the resync, the watches and the tests speak to the same door.
"""

from stockade_operator.alerts import find_alerts, list_rows
from stockade_operator.manifests.metadata import (
    NAMESPACE_PREFIX,
    Manifest,
    name_namespace,
    name_tenant,
)
from stockade_operator.observed import Key, Observed, key_of
from stockade_operator.pods import find_owner
from stockade_operator.work_queue import WorkQueue


class Inbox:
    """Takes news of objects and hands keys to the work queues."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed
        self._queues: dict[str, WorkQueue] = {}

    def open(self, queues: list[WorkQueue]) -> None:
        """Name the queues; before that nothing can arrive, because nothing is running yet."""
        self._queues = {queue.kind: queue for queue in queues}

    def enqueue(self, key: Key) -> None:
        """Have one object reconciled; of an Algorithm or account also its control, before anything else of it."""
        if key.kind != "Tenant":
            self._queues["Control"].add(key)
        self._queues[key.kind].add(key)

    def enqueue_all(self) -> None:
        """Have every known object reconciled."""
        for kind in ("Tenant", "ExchangeAccount", "Algorithm"):
            for each in self._observed.list_known(kind):
                self.enqueue(key_of(kind, each))
        for pod in self._observed.list_known("Pod"):
            # A pod whose Algorithm has gone is on nobody else's list.
            owner = find_owner(pod)
            if owner is not None:
                self.enqueue(owner)

    def receive(self, kind: str, manifest: Manifest, *, deleted: bool) -> None:
        """Take one event in."""
        owner = find_owner(manifest) if kind == "Pod" else None
        if kind == "Pod" and owner is None:
            return
        before = self._observed.peek(key_of(kind, manifest))
        if deleted:
            self._observed.drop(kind, manifest)
        elif not self._observed.put(kind, manifest):
            return
        if owner is not None:
            self.enqueue(owner)
            return
        self.enqueue(key_of(kind, manifest))
        after = None if deleted else manifest
        if kind == "Tenant":
            if _spec_of(before) != _spec_of(after):
                self._enqueue_namespace(name_namespace(manifest["metadata"]["name"]))
            return
        self._wake_neighbours(kind, manifest, before, after)

    def _wake_neighbours(self, kind: str, manifest: Manifest, before: Manifest | None, after: Manifest | None) -> None:
        namespace = manifest["metadata"]["namespace"]
        if _listing(kind, before) != _listing(kind, after):
            tenant = name_tenant(namespace)
            if tenant is not None:
                self.enqueue(Key("Tenant", "", tenant))
        if kind == "ExchangeAccount":
            if _service(before) == _service(after):
                return
            for each in self._observed.list_known("Algorithm", namespace):
                if each["spec"]["account"] == manifest["metadata"]["name"]:
                    self.enqueue(key_of("Algorithm", each))
        elif _use(before) != _use(after):
            for side in (before, after):
                if side is not None:
                    self.enqueue(Key("ExchangeAccount", namespace, side["spec"]["account"]))

    def _enqueue_namespace(self, namespace: str) -> None:
        if not namespace.startswith(NAMESPACE_PREFIX):
            return
        for kind in ("ExchangeAccount", "Algorithm"):
            for each in self._observed.list_known(kind, namespace):
                self.enqueue(key_of(kind, each))


def _spec_of(manifest: Manifest | None) -> object:
    if manifest is None:
        return None
    return manifest.get("spec"), manifest["metadata"].get("deletionTimestamp")


def _listing(kind: str, manifest: Manifest | None) -> object:
    """Return what the ledger would list of the object, so that only a change of that wakes the tenant."""
    if manifest is None:
        return None
    if kind == "Algorithm":
        return list_rows([manifest]), find_alerts([manifest], [])
    return find_alerts([], [manifest])


def _service(account: Manifest | None) -> object:
    """Return what Algorithms go by of their account; its live figures wake none of them."""
    if account is None:
        return None
    metadata = account["metadata"]
    identity = metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp")
    return identity, account.get("status", {}).get("conditions")


def _use(algorithm: Manifest | None) -> object:
    """Return what an account's status shows of one of its Algorithms."""
    if algorithm is None:
        return None
    return algorithm["spec"]["account"], algorithm.get("status", {}).get("positionNotional")
