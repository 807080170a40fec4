"""Starts the operator: `python -m stockade_operator`."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Any

import kopf

from stockade_operator.cluster import Cluster, connect
from stockade_operator.errors import ClusterError, SettingsError
from stockade_operator.gateways import Gateways
from stockade_operator.handlers import make_registry, make_settings
from stockade_operator.health import serve
from stockade_operator.inbox import Inbox
from stockade_operator.ledger import Ledger
from stockade_operator.observed import Observed
from stockade_operator.reconcile.account import AccountReconciler
from stockade_operator.reconcile.algorithm import AlgorithmReconciler
from stockade_operator.reconcile.context import Context
from stockade_operator.reconcile.control import ControlReconciler
from stockade_operator.reconcile.tenant import TenantReconciler
from stockade_operator.resync import Resync
from stockade_operator.settings import Settings, read_settings
from stockade_operator.work_queue import WorkQueue


async def run(settings: Settings) -> None:
    """Run until a signal asks to end, or a part of it fails."""
    async with await connect() as client:
        cluster = Cluster(client)
        observed = Observed(cluster)
        inbox = Inbox(observed)
        gateways = Gateways(observed, inbox.enqueue)
        context = Context(cluster, observed, gateways, Ledger(settings.database_url), settings, inbox.enqueue)
        # A kill switch goes before everything else, polls included: its writes to fifty pods wait for no status of one.
        control = WorkQueue("Control", ControlReconciler(context).reconcile, workers=16)
        queues = [
            control,
            WorkQueue("Tenant", TenantReconciler(context).reconcile, workers=4, first=control),
            WorkQueue("ExchangeAccount", AccountReconciler(context).reconcile, workers=4, first=control),
            WorkQueue("Algorithm", AlgorithmReconciler(context).reconcile, workers=16, first=control),
        ]
        inbox.open(queues)
        resync = Resync(cluster, observed, inbox, settings.resync_seconds)
        server = await serve(resync, settings.port, for_canaries=settings.address is not None)
        try:
            await resync.begin()
            await gateways.begin()
            await _run_until_one_ends(inbox, [*(queue.run() for queue in queues), gateways.run(control), resync.run()])
        finally:
            await server.cleanup()


async def _run_until_one_ends(inbox: Inbox, parts: list[Coroutine[Any, Any, None]]) -> None:
    """Run kopf and our own parts; when kopf ends at a signal the others are cancelled, when a part fails so is kopf."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    watches = kopf.operator(
        registry=make_registry(inbox),
        settings=make_settings(),
        # Without one kopf asks for the user's name, and a container's user has none.
        identity="stockade-operator",  # type: ignore[arg-type] # kopf keeps the name of this type to itself
        clusterwide=True,
        standalone=True,
    )
    tasks.append(asyncio.ensure_future(watches))
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.wait(rest)
    for task in done:
        task.result()


def main() -> int:
    """Return the process's exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # One line per event says nothing that the conditions and metrics do not.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    try:
        asyncio.run(run(read_settings(os.environ)))
    except (SettingsError, ClusterError) as error:
        sys.stderr.write(f"stockade-operator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
