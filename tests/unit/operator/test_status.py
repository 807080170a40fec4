"""What is written and told, what is not, and what an Algorithm's status says in each situation."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stockade_crds import Condition, ConditionStatus
from stockade_operator.algorithm_status import TOLD, AlgorithmFacts, describe_algorithm, read_last_words
from stockade_operator.gateways import AlgorithmReport, Heard
from stockade_operator.pods import ContainerFacts, PodFacts
from stockade_operator.policies import UP_TO_DATE, Decision, Step, Verdict
from stockade_operator.status import date_facts, find_transitions, no, plan_write, yes
from tests.unit.operator.conftest import make_account, make_algorithm
from tests.unit.operator.test_policies import make_pod_facts

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCEPTED = Verdict(ConditionStatus.TRUE, "Accepted", "The Algorithm may run.")
EXISTS = Decision(Step.NOTHING, "PodExists", "The pod is there.")
GOOD = {
    "connected": True,
    "reconciled": True,
    "algorithmState": "Running",
    "openOrders": 0,
    "withinLimits": True,
    "trading": "Active",
}


def make_facts(report: dict[str, Any] | None, **changes: Any) -> AlgorithmFacts:
    heard = Heard("p1", AlgorithmReport.model_validate(report), 0, "") if report is not None else None
    given: dict[str, Any] = {
        "algorithm": make_algorithm(),
        "account": make_account(),
        "accepted": ACCEPTED,
        "version": None,
        "pod": make_pod_facts(),
        "heard": heard,
        "decision": EXISTS,
        "update": UP_TO_DATE,
        "refused": None,
        "on_stop": None,
        "now": NOW,
        **changes,
    }
    return AlgorithmFacts(**given)


def judge(facts: AlgorithmFacts) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status.value, each.reason) for each in describe_algorithm(facts).conditions}


def test_a_running_algorithm_is_ready() -> None:
    status = describe_algorithm(make_facts(GOOD))
    assert judge(make_facts(GOOD)) == {
        "Ready": ("True", "Running"),
        "Accepted": ("True", "Accepted"),
        "Scheduled": ("True", "Scheduled"),
        "GatewayReady": ("True", "Answering"),
        "Connected": ("True", "Connected"),
        "Reconciled": ("True", "Reconciled"),
        "AlgorithmRunning": ("True", "Running"),
        "WithinLimits": ("True", "WithinLimits"),
        "UpdatePending": ("False", "UpToDate"),
        "Stalled": ("False", "Progressing"),
    }
    assert status.state == "Running"
    assert status.mode == "Paper"
    assert {each.observed_generation for each in status.conditions} == {3}


CRASHED = ContainerFacts(
    state="waiting",
    reason="CrashLoopBackOff",
    exit_code=3,
    end_message=json.dumps({"kind": "NameError", "message": "x", "file": "algorithm.py", "line": 4}),
)


@pytest.mark.parametrize(
    ("report", "pod", "ready", "state"),
    [
        (None, None, ("False", "NoPod"), "Pending"),
        (None, {}, ("False", "Starting"), "Starting"),
        ({**GOOD, "connected": False, "reason": "no route"}, {}, ("False", "Disconnected"), "Running"),
        ({**GOOD, "reconciled": False}, {}, ("False", "Reconciling"), "Running"),
        ({**GOOD, "algorithmState": "Waiting"}, {}, ("False", "Waiting"), "Starting"),
        ({**GOOD, "algorithmState": "Silent"}, {}, ("False", "Silent"), "Faulted"),
        ({**GOOD, "withinLimits": False, "limitBreached": "maxDailyLoss"}, {}, ("False", "LimitReached"), "Running"),
        ({**GOOD, "algorithmState": "Gone"}, {"algorithm": CRASHED}, ("False", "UserCodeFailed"), "Faulted"),
        (
            {**GOOD, "algorithmState": "Gone"},
            {"algorithm": ContainerFacts(state="waiting", exit_code=137, end_reason="OOMKilled")},
            ("False", "OutOfMemory"),
            "Faulted",
        ),
        (
            {**GOOD, "algorithmState": "Waiting"},
            {"algorithm": ContainerFacts(state="waiting", exit_code=70, end_reason="Error")},
            ("False", "LauncherRefused"),
            "Faulted",
        ),
        (
            None,
            {"scheduled": False, "node": "", "schedule_reason": "Unschedulable", "gateway": ContainerFacts()},
            ("False", "Unschedulable"),
            "Starting",
        ),
    ],
)
def test_what_ready_says(
    report: dict[str, Any] | None, pod: dict[str, Any] | None, ready: tuple[str, str], state: str
) -> None:
    facts = make_facts(report, pod=make_pod_facts(**pod) if pod is not None else None)
    assert judge(facts)["Ready"] == ready
    assert describe_algorithm(facts).state == state


def test_a_fault_is_told_with_its_place() -> None:
    fault = {"kind": "ImportError", "message": "no module", "file": "algorithm.py", "line": 12}
    facts = make_facts({**GOOD, "algorithmState": "Faulted", "fault": fault})
    found = next(each for each in describe_algorithm(facts).conditions if each.type == "AlgorithmRunning")
    assert found.message == "algorithm.py:12: ImportError: no module"


def test_nothing_is_made_up_when_a_gateway_falls_silent() -> None:
    silent = Heard("p1", AlgorithmReport.model_validate(GOOD), 3, "/status did not answer (TimeoutError)")
    facts = make_facts(None, heard=silent)
    status = describe_algorithm(facts)
    assert judge(facts)["Connected"] == ("Unknown", "NotAnswering")
    assert judge(facts)["WithinLimits"] == ("Unknown", "NotAnswering")
    assert status.state == "Unknown"
    assert status.open_orders is None


def test_a_pod_of_somebody_else_is_not_ours_to_describe() -> None:
    foreign: PodFacts = make_pod_facts(owner_uid="other")
    decision = Decision(Step.WAIT, "PodNotOwned", "not ours")
    facts = make_facts(GOOD, pod=foreign, decision=decision)
    assert judge(facts)["Stalled"] == ("True", "PodNotOwned")
    assert describe_algorithm(facts).pod is None


def test_a_silent_node_is_named() -> None:
    stopping = make_pod_facts(deleting_since=NOW - timedelta(minutes=5))
    facts = make_facts(None, pod=stopping, decision=Decision(Step.WAIT, "Stopping", "stopping"))
    found = next(each for each in describe_algorithm(facts).conditions if each.type == "Stalled")
    assert found.reason == "NodeNotAnswering"
    assert "node-1" in found.message
    assert describe_algorithm(facts).state == "Unknown"


def test_a_node_that_does_not_answer_is_named_before_anybody_stops_the_pod() -> None:
    """Its gateway may still be heard, but no kill switch reaches it."""
    facts = make_facts(GOOD, pod=make_pod_facts(cut_off=True))
    assert judge(facts)["Ready"] == ("False", "NodeNotAnswering")
    assert judge(facts)["Stalled"] == ("True", "NodeNotAnswering")
    assert judge(facts)["Reconciled"] == ("True", "Reconciled"), "what its gateway says is still known"
    message = next(each.message for each in describe_algorithm(facts).conditions if each.type == "Stalled")
    assert "node-1" in message
    assert "no change reaches it" in message
    stopping = make_pod_facts(cut_off=True, deleting_since=NOW + timedelta(minutes=1))
    facts = make_facts(GOOD, pod=stopping, decision=Decision(Step.WAIT, "Stopping", "stopping"))
    assert judge(facts)["Stalled"] == ("True", "NodeNotAnswering")


def test_a_transition_keeps_its_time() -> None:
    first = date_facts([yes("Ready", "Running", "m")], [], 1, NOW)
    later = date_facts([yes("Ready", "Other", "n")], first, 2, NOW + timedelta(hours=1))
    changed = date_facts([no("Ready", "Gone", "n")], later, 3, NOW + timedelta(hours=2))
    assert first[0].last_transition_time == later[0].last_transition_time == NOW.replace(microsecond=0)
    assert changed[0].last_transition_time == (NOW + timedelta(hours=2)).replace(microsecond=0)


def test_a_start_is_told_when_it_is_done_and_not_at_each_step() -> None:
    steps = [no("Ready", "NoPod", "m"), no("Ready", "Starting", "m"), yes("Ready", "Running", "runs")]
    before: list[Condition] = []
    told = []
    for step in steps:
        after = date_facts([step], before, 1, NOW)
        told += [(each.reason, each.warning) for each in find_transitions("uid", before, after, TOLD)]
        before = after
    assert told == [("Running", False)]


def test_a_pod_that_is_stopped_has_not_failed() -> None:
    ended = ContainerFacts(state="terminated", exit_code=0, end_reason="Completed")
    stopping = make_pod_facts(deleting_since=NOW, algorithm=ended)
    facts = make_facts(None, pod=stopping, decision=Decision(Step.WAIT, "Stopping", "stopping"))
    assert judge(facts)["AlgorithmRunning"] == ("False", "Stopping")
    assert describe_algorithm(facts).state == "Stopping"


def test_a_transition_is_told_once_and_under_one_name() -> None:
    before = date_facts([yes("AlgorithmRunning", "Running", "m")], [], 1, NOW)
    after = date_facts([no("AlgorithmRunning", "UserCodeFailed", "x:1")], before, 1, NOW)
    [told] = find_transitions("uid", before, after, TOLD)
    assert (told.reason, told.message, told.warning) == ("UserCodeFailed", "x:1", True)
    assert find_transitions("uid", before, after, TOLD) == [told]
    assert find_transitions("uid", after, after, TOLD) == []
    stopping = date_facts([no("AlgorithmRunning", "Stopping", "m")], before, 1, NOW)
    assert find_transitions("uid", before, stopping, TOLD) == []
    again = date_facts([no("AlgorithmRunning", "UserCodeFailed", "x:2")], after, 1, NOW + timedelta(hours=1))
    assert find_transitions("uid", after, again, TOLD) == []


@pytest.mark.parametrize(
    ("live", "wanted", "seconds", "changes", "again"),
    [
        ({"state": "Running"}, {"state": "Running"}, 99.0, None, None),
        ({"state": "Starting"}, {"state": "Running"}, 0.0, {"state": "Running"}, None),
        ({"pod": "algo-x"}, {}, 0.0, {"pod": None}, None),
        ({"openOrders": 1}, {"openOrders": 2}, 4.0, None, 6.0),
        ({"openOrders": 1}, {"openOrders": 2}, 11.0, {"openOrders": 2}, None),
        ({"lastReconciledTime": "a"}, {"lastReconciledTime": "b"}, 99.0, None, None),
        ({"weightUsed": 1, "state": "a"}, {"weightUsed": 2, "state": "b"}, 0.0, {"weightUsed": 2, "state": "b"}, None),
    ],
)
def test_what_is_worth_a_write(
    live: dict[str, Any],
    wanted: dict[str, Any],
    seconds: float,
    changes: dict[str, Any] | None,
    again: float | None,
) -> None:
    write = plan_write(live, wanted, seconds)
    assert (write.changes, write.again_seconds) == (changes, again)


def test_a_status_read_back_is_the_status_written() -> None:
    status = describe_algorithm(make_facts({**GOOD, "realizedPnlToday": "-1.50"}))
    dumped = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    algorithm = make_algorithm(status=dumped)
    again = describe_algorithm(
        make_facts({**GOOD, "realizedPnlToday": "-1.50"}, algorithm=algorithm, now=NOW + timedelta(days=1))
    )
    assert plan_write(dumped, again.model_dump(mode="json", by_alias=True, exclude_none=True), 99.0).changes is None
    assert isinstance(algorithm.status.conditions[0], Condition)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('{"kind": "A", "message": "fits", "line": 4}', "fits", 4),
        ('{"kind": "A", "message": "half \\ud800 a character", "line": true}', "half ? a character", None),
        ('{"kind": "A", "message": ["a list"], "line": 99999999999999999999}', "['a list']", None),
        ('{"kind": null, "line": -1}', "", None),
    ],
)
def test_whatever_an_algorithm_leaves_as_last_words_makes_a_status(text: str, message: str, line: int | None) -> None:
    fault = read_last_words(text)
    assert fault is not None
    assert (fault.message, fault.line) == (message, line)
    assert json.loads(fault.model_dump_json())["message"] == message


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"onStop": {}}', "Traceback"])
def test_last_words_without_a_kind_are_no_fault(text: str) -> None:
    assert read_last_words(text) is None
