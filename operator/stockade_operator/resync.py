"""The full resync: every object is listed and reconciled again, so that whatever was missed is made good.

Apart from the watches because it is what they are measured against; its age is the operator's health.
"""

import asyncio
import logging
import time

from stockade_operator import metrics
from stockade_operator.cluster import Cluster
from stockade_operator.errors import ClusterError, GoneError
from stockade_operator.inbox import Inbox
from stockade_operator.observed import Observed
from stockade_operator.pods import find_owner

FIRST_RETRY_SECONDS = 3.0

logger = logging.getLogger(__name__)


class Resync:
    """Lists everything at its pace and knows when it last could."""

    def __init__(self, cluster: Cluster, observed: Observed, inbox: Inbox, seconds: float) -> None:
        self._cluster = cluster
        self._observed = observed
        self._inbox = inbox
        self._seconds = seconds
        self._last = time.monotonic()

    @property
    def age_seconds(self) -> float:
        """How long ago the last full resync ended, or the process began."""
        return time.monotonic() - self._last

    @property
    def healthy(self) -> bool:
        """Whether the resync keeps its pace; one that failed twice in a row does not."""
        return self.age_seconds < 3 * self._seconds + 60

    async def begin(self) -> None:
        """List everything for the first time; waits until the API server knows the resources."""
        while True:
            try:
                await self._settle()
            except GoneError:
                logger.warning("The API server does not know stockade.dev yet. Install the resource definitions.")
            except ClusterError as error:
                logger.warning("%s", error)
            else:
                return
            await asyncio.sleep(FIRST_RETRY_SECONDS)

    async def run(self) -> None:
        """Resync until cancelled."""
        while True:
            self._inbox.enqueue_all()
            await asyncio.sleep(self._seconds)
            try:
                await self._settle()
            except ClusterError as error:
                metrics.RESYNCS.labels("failed").inc()
                logger.warning("Resync: %s", error)

    async def _settle(self) -> None:
        for kind in ("Tenant", "ExchangeAccount", "Algorithm"):
            await self._observed.settle(kind, await self._cluster.list_objects(kind))
        pods = await self._cluster.list_ours("Pod")
        await self._observed.settle("Pod", [pod for pod in pods if find_owner(pod) is not None])
        self._last = time.monotonic()
        metrics.RESYNCS.labels("done").inc()
        metrics.RESYNC_TIME.set_to_current_time()
