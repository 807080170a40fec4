"""A kill switch reaches the pod though another step of the same Algorithm stands still."""

import asyncio
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stockade_operator.gateways import AccountReport, AlgorithmReport, Heard
from stockade_operator.inbox import Inbox
from stockade_operator.manifests.algorithm_pod import make_pod
from stockade_operator.manifests.control import write_account_control, write_algorithm_control
from stockade_operator.observed import Key, Observed
from stockade_operator.policies import ignores_control
from stockade_operator.reconcile import control as control_module
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
        control = annotations.get("stockade.dev/control")
        self.annotated.put_nowait(json.loads(control) if control else annotations)
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


async def test_a_pod_whose_kubelet_missed_the_switch_is_touched_until_it_obeys(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "PATIENCE_SECONDS", 0.01)
    cluster = _Cluster()
    observed = Observed(cluster)  # type: ignore[arg-type] # of the cluster only the annotation
    algorithm, account = make_algorithm(), make_account(trading="Halted", metadata={"generation": 7})
    before = write_algorithm_control(algorithm, make_account(), "main-keys-1")
    pod = make_pod(make_inputs(settings), before)
    pod["metadata"] |= {"uid": "p1", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "8"}
    for kind, manifest in (
        ("ExchangeAccount", _dump(account, "ExchangeAccount")),
        ("Algorithm", _dump(algorithm, "Algorithm")),
        ("Pod", pod),
    ):
        observed.put(kind, manifest)
    generation = algorithm.metadata.generation
    heard = {"p1": Heard("p1", AlgorithmReport(control_generation=generation, trading="Active"), 0, "")}
    context = SimpleNamespace(
        observed=observed,
        cluster=cluster,
        gateways=SimpleNamespace(find=heard.get),
        now=lambda: datetime.now(UTC),
    )
    control = ControlReconciler(context)  # type: ignore[arg-type] # of the context only these four
    key = Key("Algorithm", pod["metadata"]["namespace"], algorithm.metadata.name)

    wait = await control.reconcile(key)
    assert (await cluster.annotated.get())["account"]["trading"] == "Halted"
    for _ in range(2):
        assert wait is not None
        await asyncio.sleep(wait)
        wait = await control.reconcile(key)
        assert list(await cluster.annotated.get()) == ["stockade.dev/control-repeated"]
    assert wait is not None
    heard["p1"] = Heard("p1", AlgorithmReport(control_generation=generation, trading="Halted"), 0, "")
    assert await control.reconcile(key) is None
    assert cluster.annotated.empty()


def test_only_a_gateway_that_answers_and_goes_by_another_control_ignores_it() -> None:
    control = write_algorithm_control(make_algorithm(), make_account(trading="Reducing"), "main-keys-1")
    generation = make_algorithm().metadata.generation

    def ignores(failures: int = 0, **report: Any) -> bool:
        return ignores_control(control, Heard("p1", AlgorithmReport(**report), failures, ""))

    assert not ignores_control(control, None)
    assert not ignores(control_generation=generation, trading="Reducing")
    assert ignores(control_generation=generation, trading="Active")
    assert ignores(control_generation=0, trading="Reducing")
    assert ignores(control_generation=None, trading="Halted")
    assert not ignores(failures=3, control_generation=0, trading="Active")
    account = write_account_control(make_account(metadata={"generation": 7}))
    told = make_account(metadata={"generation": 7}).metadata.generation
    assert not ignores_control(account, Heard("p2", AccountReport(control_generation=told), 0, ""))
    assert ignores_control(account, Heard("p2", AccountReport(control_generation=0), 0, ""))
