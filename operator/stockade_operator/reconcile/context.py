"""What all three reconcilers work with, and the two acts they share: keeping a child and reporting a status."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stockade_crds import Condition
from stockade_operator.cluster import Cluster
from stockade_operator.comparing import is_current
from stockade_operator.errors import ClusterError, ConflictError
from stockade_operator.gateways import Gateways
from stockade_operator.ledger import Ledger
from stockade_operator.manifests.metadata import Manifest
from stockade_operator.observed import Key, Observed, key_of
from stockade_operator.settings import Settings
from stockade_operator.status import Transition, find_transitions, make_event, plan_write

logger = logging.getLogger(__name__)


@dataclass
class Context:
    """The operator's parts, and when each object's status was last written."""

    cluster: Cluster
    observed: Observed
    gateways: Gateways
    ledger: Ledger
    settings: Settings
    enqueue: Callable[[Key], None]
    _written: dict[Key, float] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    async def keep(self, manifest: Manifest) -> None:
        """Make the child be what its manifest says; no write when it is."""
        metadata = manifest["metadata"]
        live = await self.cluster.get(manifest["kind"], metadata.get("namespace"), metadata["name"])
        if not is_current(live, manifest):
            await self.cluster.apply(manifest)

    async def set_finalizers(self, kind: str, live: Manifest, finalizers: list[str]) -> Manifest:
        """Write the object's finalizers; raises `ConflictError` when it has changed since it was read."""
        changed = await self.cluster.patch(live, kind, {"metadata": {"finalizers": finalizers}})
        self.observed.put(kind, changed)
        return changed

    async def report(
        self, kind: str, live: Manifest, status: Any, before: list[Condition], told: frozenset[str]
    ) -> tuple[Manifest, float | None]:
        """Write the status where it differs and tell its transitions.

        Returns the object as it is then, and in how many seconds figures that had to wait are due.
        """
        key = key_of(kind, live)
        loop = asyncio.get_running_loop()
        wanted = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        last = self._written.get(key, float("-inf"))
        write = plan_write(live.get("status", {}), wanted, loop.time() - last)
        if write.changes is None:
            return live, write.again_seconds
        for transition in find_transitions(live["metadata"]["uid"], before, status.conditions, told):
            await self.tell(kind, live, transition)
        changed = await self.cluster.patch(live, kind, {"status": write.changes}, subresource="status")
        self._written[key] = loop.time()
        self.observed.put(kind, changed)
        return changed, None

    async def tell(self, kind: str, live: Manifest, transition: Transition) -> None:
        """Post an Event; one that was posted before is not posted again, and a lost one is no reason to stop."""
        try:
            await self.cluster.create(make_event(kind, live, transition, self.now()))
        except ConflictError:
            return
        except ClusterError as error:
            logger.warning("Event %s of %s: %s", transition.reason, key_of(kind, live), error)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of an object that has gone."""
        self._written.pop(key, None)
