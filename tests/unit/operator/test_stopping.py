"""In which order a stop is carried out."""

from types import SimpleNamespace
from typing import Any

from stockade_operator.observed import Key
from stockade_operator.policies import UP_TO_DATE, Decision, Step
from stockade_operator.reconcile.algorithm import AlgorithmReconciler, _Run
from stockade_operator.status import Transition
from tests.unit.operator.conftest import make_account, make_algorithm
from tests.unit.operator.test_policies import make_pod_facts
from tests.unit.operator.test_status import ACCEPTED


class _Record:
    """Stands for the context and its cluster, and writes down what is asked of them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cluster = SimpleNamespace(delete=self._delete)

    async def _delete(self, kind: str, _live: dict[str, Any]) -> None:
        self.asked.append(f"delete {kind}")

    async def tell(self, _kind: str, _live: dict[str, Any], transition: Transition) -> None:
        self.asked.append(f"tell {transition.reason}")


async def test_a_pod_is_stopped_before_anybody_is_told_of_it() -> None:
    record = _Record()
    pod = {"metadata": {"name": "algo-momentum", "uid": "p1"}}
    run = _Run(
        key=Key("Algorithm", "tenant-demo", "momentum"),
        live={},
        algorithm=make_algorithm(),
        account=make_account(),
        accepted=ACCEPTED,
        version=None,
        inputs=None,
        raw_pod=pod,
        pod=make_pod_facts(),
        heard=None,
        quota=20,
        update=UP_TO_DATE,
        decision=Decision(Step.DELETE, "Stopped", "The algorithm is stopped."),
    )
    await AlgorithmReconciler(record)._stop(run, pod)  # type: ignore[arg-type] # of the context only these two
    assert record.asked == ["delete Pod", "tell Stopping"]
