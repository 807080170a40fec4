"""A copy of all Algorithms, ExchangeAccounts and Tenants, kept current by one watch per kind.

Apart from `cluster.py`, because pages with many objects and thousands of viewers read this copy, never the API server.
When the copy can't be kept current it says since when; it is never shown as if it were.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from stockade_panel.cluster import KINDS, Cluster, ExpiredError, Plural
from stockade_panel.errors import ClusterError, NotFoundError
from stockade_panel.kubectl import Manifest

log = logging.getLogger(__name__)

# Each watch starts with a full list, so this is also the time between two resyncs.
WATCH_SECONDS = 240
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

Key = tuple[str, str]
Listener = Callable[[Plural, str, str], None]


@dataclass
class _Shelf:
    """The objects of one kind. `behind_since` is None only while its watch runs."""

    items: dict[Key, Manifest] = field(default_factory=dict)
    behind_since: datetime | None = None


class Objects:
    """The copy. `on_change` is called from a watch's thread with the kind, namespace and name."""

    def __init__(self, cluster: Cluster, on_change: Listener) -> None:
        self._cluster = cluster
        self._on_change = on_change
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._shelves = {plural: _Shelf(behind_since=datetime.now(UTC)) for plural in KINDS}
        self._threads = [
            threading.Thread(target=self._run, args=(plural,), name=f"watch-{plural}", daemon=True) for plural in KINDS
        ]

    def start(self) -> None:
        """Start the watches."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the watches."""
        self._stopping.set()
        self._cluster.end_watches()

    def list_objects(self, plural: Plural, namespace: str | None = None) -> list[Manifest]:
        """The objects of a kind, of one namespace or of all, by namespace and name."""
        with self._lock:
            found = sorted(self._shelves[plural].items.items())
        return [manifest for (where, _), manifest in found if namespace is None or where == namespace]

    def get(self, plural: Plural, namespace: str, name: str) -> Manifest:
        """One object. Raises NotFoundError."""
        with self._lock:
            manifest = self._shelves[plural].items.get((namespace, name))
        if manifest is None:
            raise NotFoundError(f"There is no {KINDS[plural]} {name} in {namespace}.")
        return manifest

    @property
    def behind_since(self) -> datetime | None:
        """Since when some of the copy is not kept current; None when all of it is."""
        with self._lock:
            times = [shelf.behind_since for shelf in self._shelves.values() if shelf.behind_since]
        return min(times) if times else None

    def _run(self, plural: Plural) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                self._follow(plural)
                pause = FIRST_PAUSE_SECONDS
            except ExpiredError:
                continue
            except ClusterError as error:
                if self._stopping.is_set():
                    return
                log.warning("the watch of %s ended: %s", plural, error)
                pause = self._fall_behind(plural, pause)
            except Exception:
                # The thread's outermost loop: a watch that died for good would show old news as new.
                log.exception("the watch of %s failed", plural)
                pause = self._fall_behind(plural, pause)

    def _fall_behind(self, plural: Plural, pause: float) -> float:
        """Note that the copy is behind, wait, and return the next pause."""
        with self._lock:
            shelf = self._shelves[plural]
            shelf.behind_since = shelf.behind_since or datetime.now(UTC)
        self._stopping.wait(pause)
        return min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _follow(self, plural: Plural) -> None:
        """List a kind once and follow its changes until the server ends the watch."""
        listing = self._cluster.list_objects(plural)
        self._replace(plural, {_key(manifest): manifest for manifest in listing.items})
        for change in self._cluster.follow(plural, listing.resource_version, WATCH_SECONDS):
            if self._stopping.is_set():
                return
            if change.kind != "BOOKMARK":
                self._record(plural, change.kind, change.manifest)

    def _replace(self, plural: Plural, items: dict[Key, Manifest]) -> None:
        with self._lock:
            shelf = self._shelves[plural]
            before, shelf.items, shelf.behind_since = shelf.items, items, None
        for key in before.keys() | items.keys():
            if _version(before.get(key)) != _version(items.get(key)):
                self._on_change(plural, *key)

    def _record(self, plural: Plural, kind: str, manifest: Manifest) -> None:
        key = _key(manifest)
        with self._lock:
            if kind == "DELETED":
                self._shelves[plural].items.pop(key, None)
            else:
                self._shelves[plural].items[key] = manifest
        self._on_change(plural, *key)


def _key(manifest: Manifest) -> Key:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _version(manifest: Manifest | None) -> str | None:
    return manifest["metadata"].get("resourceVersion") if manifest else None
