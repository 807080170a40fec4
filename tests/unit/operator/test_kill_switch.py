"""A kill switch reaches the pod though another step of the same Algorithm stands still."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from stockade_operator.inbox import Inbox
from stockade_operator.manifests.algorithm_pod import make_pod
from stockade_operator.manifests.control import write_algorithm_control
from stockade_operator.observed import Key, Observed
from stockade_operator.reconcile.control import ControlReconciler
from stockade_operator.settings import Settings
from stockade_operator.work_queue import WorkQueue
from tests.unit.operator.conftest import make_account, make_algorithm
from tests.unit.operator.test_manifests import make_inputs


class _Cluster:
    """An API server that only takes annotations."""

    def __init__(self) -> None:
        self.annotated: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def annotate(self, _kind: str, live: dict[str, Any], annotations: dict[str, str]) -> dict[str, Any]:
        self.annotated.put_nowait(json.loads(annotations["stockade.dev/control"]))
        metadata = live["metadata"]
        changed = {**metadata["annotations"], **annotations}
        return {**live, "metadata": {**metadata, "annotations": changed, "resourceVersion": "9"}}


def _dump(resource: Any, kind: str) -> dict[str, Any]:
    return {"kind": kind, **resource.model_dump(mode="json", by_alias=True, exclude_none=True)}


async def test_it_waits_for_no_other_step(settings: Settings) -> None:
    cluster, standing = _Cluster(), asyncio.Event()
    observed = Observed(cluster)  # type: ignore[arg-type] # of the cluster only the annotation
    inbox = Inbox(observed)

    async def stand_still(_key: Key) -> None:
        standing.set()
        await asyncio.Event().wait()

    context = SimpleNamespace(observed=observed, cluster=cluster, gateways=SimpleNamespace(find=lambda _uid: None))
    control = ControlReconciler(context)  # type: ignore[arg-type] # of the context only these three
    queues = [
        WorkQueue("Tenant", stand_still, 1),
        WorkQueue("ExchangeAccount", stand_still, 1),
        WorkQueue("Algorithm", stand_still, 1),
        WorkQueue("Control", control.reconcile, 1),
    ]
    inbox.open(queues)
    algorithm, account = make_algorithm(), make_account()
    pod = make_pod(make_inputs(settings), write_algorithm_control(algorithm, account, "main-keys-1"))
    pod["metadata"] |= {"uid": "p1", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "8"}
    observed.put("ExchangeAccount", _dump(account, "ExchangeAccount"))
    observed.put("Pod", pod)
    tasks = [asyncio.ensure_future(queue.run()) for queue in queues]
    try:
        inbox.receive("Algorithm", _dump(algorithm, "Algorithm"), deleted=False)
        await asyncio.wait_for(standing.wait(), 30)
        halted = make_algorithm(trading="Halted", metadata={"resourceVersion": "10", "generation": 4})
        inbox.receive("Algorithm", _dump(halted, "Algorithm"), deleted=False)
        told = await asyncio.wait_for(cluster.annotated.get(), 30)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert (told["generation"], told["trading"]) == (4, "Halted")
    assert cluster.annotated.empty()
