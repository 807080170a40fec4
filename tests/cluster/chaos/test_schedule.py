"""Algorithms trade in a tenant of their own while the cluster's parts are killed, the operator twice; then the judge.

`make chaos-cluster SEED=4 MINUTES=5` runs any seed for any time.
"""

import os
import time

import pytest

from stockade_wire.order_ids import MANUAL_PREFIX
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.judge import find_unsettled_books, judge
from tests.chaos.replay import list_placements
from tests.cluster.chaos.instructions import Instruction
from tests.cluster.chaos.schedule import OPERATOR_ENDS, make_schedule
from tests.cluster.chaos.stage import Stage, wait_until_due
from tests.support.kubectl import Kubectl
from tests.support.tenants import PLATFORM, TestTenant
from tests.support.waiting import wait_until

SEED = int(os.environ.get("STOCKADE_CHAOS_SEED", "4"))
SECONDS = 60 * float(os.environ.get("STOCKADE_CHAOS_MINUTES", "1.8"))
ALGORITHMS = 5
# Of a container that was killed before, Kubernetes waits up to some forty seconds before it starts it again.
TAKE_OVER_SECONDS = 180.0
QUIET_SECONDS = 240.0


def play(stage: Stage) -> None:
    """Carry out the schedule, and note what is pending whenever the operator ends."""
    acts = make_schedule(SEED, SECONDS, ALGORITHMS)
    ends = [act.at_seconds for act in acts if act.kind in OPERATOR_ENDS]
    began = time.monotonic()
    for act in acts:
        wait_until_due(began, act)
        stage.carry_out(act)
        if act.pod is not None and any(abs(act.at_seconds - at) < 0.5 for at in ends):
            stage.note_pending(act)


def find_operator(kubectl: Kubectl) -> tuple[str, int]:
    """Return which operator there is, and how often it was started again; nothing while none is ready."""
    for pod in kubectl.items("pods", PLATFORM, "app.kubernetes.io/name=operator"):
        statuses = pod["status"].get("containerStatuses", [])
        if "deletionTimestamp" not in pod["metadata"] and statuses and all(each["ready"] for each in statuses):
            return pod["metadata"]["uid"], sum(each["restartCount"] for each in statuses)
    return "", 0


def settle(stage: Stage) -> Evidence:
    """Wait until gateways, ledger and exchange agree, or the time is over; return the evidence of that moment."""
    ends = time.monotonic() + QUIET_SECONDS
    while True:
        reasons = stage.find_unsettled()
        if not reasons or time.monotonic() > ends:
            evidence = stage.collect()  # The ledger is back: the gateways could not be reconciled without it.
            waits = reasons or [f"{each.algorithm}: {each.text}" for each in find_unsettled_books(evidence)]
            if not waits or time.monotonic() > ends:
                assert reasons == [], describe(stage, evidence, [])
                return evidence
        time.sleep(1.0)


def describe(stage: Stage, evidence: Evidence, violations: list[Violation]) -> str:
    """Say what a run was made of and what the judge said."""
    placements = list_placements(evidence.entries)
    delays = {what: find_delay_seconds(each) for what, each in stage.pending}
    by_hand = sum(each.client_order_id.startswith(MANUAL_PREFIX) for each in placements)
    lines = [
        f"make chaos-cluster SEED={SEED} MINUTES={SECONDS / 60:g}",
        f"acts {stage.counts.total()}: {dict(stage.counts)}; to nobody: {dict(stage.void)}",
        f"orders {len(placements)}, {by_hand} of them by hand, fills {len(evidence.fills)}",
        f"answers to a person's wishes: {[each.status for each in evidence.manual[0].wishes]}",
        f"pending at the operator's ends, heard by a gateway after seconds: {delays}",
        f"violations {len(violations)}",
        *(f"! {each.rule}: {each.algorithm}: {each.text}" for each in violations),
        *stage.find_unsettled(),
    ]
    return "\n".join(lines)


def find_delay_seconds(instruction: Instruction) -> float | None:
    """Return how long a gateway had to wait for an instruction, None when it never came."""
    return None if instruction.told_ms is None else (instruction.told_ms - instruction.set_ms) / 1000


@pytest.mark.timeout(900)
def test_no_promise_breaks_and_every_operator_is_followed(tenant: TestTenant, kubectl: Kubectl) -> None:
    stage = Stage(tenant, ALGORITHMS, SEED)
    operator = find_operator(kubectl)
    try:
        stage.start()
        play(stage)
        stage.begin_quiet()
        evidence = settle(stage)
    finally:
        stage.close()
    violations = judge(evidence)
    told = describe(stage, evidence, violations)
    print(told)
    assert violations == [], told
    assert len(evidence.fills) > 5, told
    for _, instruction in stage.pending:
        delay_seconds = find_delay_seconds(instruction)
        assert delay_seconds is not None, told
        assert delay_seconds < TAKE_OVER_SECONDS, told
    wait_until(lambda: find_operator(kubectl), "another operator", holds=lambda seen: seen[0] not in {"", operator[0]})
