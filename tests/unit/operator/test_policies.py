"""Tables of decisions: who may start, what happens to the pod, when an update waits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from stockade_crds import ConditionStatus, StopAction, UpdatePolicy
from stockade_operator.gateways import AccountReport, AlgorithmReport, Heard
from stockade_operator.pods import ContainerFacts, PodFacts
from stockade_operator.policies import (
    UP_TO_DATE,
    Step,
    Update,
    Verdict,
    choose_keys,
    decide_pod,
    decide_update,
    is_deadline_passed,
    is_flat,
    is_overdue,
    judge_account,
    judge_algorithm,
    judge_keys,
    read_keys_in_use,
)
from stockade_operator.reconcile.algorithm import find_outcome
from tests.unit.operator.conftest import make_account, make_algorithm, make_tenant

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
CHECKED = {
    "conditions": [
        {
            "type": "KeysAvailable",
            "status": "True",
            "reason": "KeysChecked",
            "message": "",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ]
}
UID = "33333333"
RESTART = Update(pending=True, restarts=True, reason="SpecChanged", message="changed")
REFUSED = Verdict(ConditionStatus.FALSE, "QuotaExceeded", "too many")
FORBIDDEN = Verdict(ConditionStatus.FALSE, "LiveNotAllowed", "no", stops=True)


def keys_condition(**changes: Any) -> dict[str, Any]:
    return {"conditions": [{**CHECKED["conditions"][0], **changes}]}


def make_pod_facts(**changes: Any) -> PodFacts:
    facts = PodFacts(
        name="algo-momentum",
        uid="p1",
        owner_uid=UID,
        created=NOW,
        node="node-1",
        address="10.0.0.1",
        deleting_since=None,
        held=True,
        finished=False,
        cut_off=False,
        scheduled=True,
        schedule_reason="",
        schedule_message="",
        phase="Running",
        phase_reason="",
        phase_message="",
        gateway=ContainerFacts(state="running", ready=True, started=True),
        algorithm=ContainerFacts(state="running", ready=True, started=True),
        user_hash="u",
        platform_hash="p",
        keys_secret="k",
        key_slots=("k", "main-keys-1", "main-keys-2"),
        version=1,
    )
    return replace(facts, **changes)


LIVE = {"environment": "Live", "status": CHECKED}
LIMITS = {"limits": {"maxOrderNotional": "100"}}


@pytest.mark.parametrize(
    ("algorithm", "tenant", "account", "rank", "source", "status", "reason", "stops"),
    [
        ({}, {}, {"status": CHECKED}, 1, None, "True", "Accepted", False),
        ({}, None, {"status": CHECKED}, 1, None, "False", "TenantMissing", False),
        ({}, {}, None, 1, None, "False", "AccountMissing", True),
        ({}, {}, LIVE, 1, None, "False", "LiveNotAllowed", True),
        ({}, {"exchange": {"allowLive": True}}, LIVE, 1, None, "False", "LimitsRequired", True),
        ({"limits": {}}, {"exchange": {"allowLive": True}}, LIVE, 1, None, "False", "LimitsRequired", True),
        (LIMITS, {"exchange": {"allowLive": True}}, LIVE, 1, None, "True", "Accepted", False),
        ({}, {"quota": {"algorithms": 2}}, {"status": CHECKED}, 3, None, "False", "QuotaExceeded", False),
        ({}, {}, {"status": CHECKED}, 1, "There is no ConfigMap", "False", "SourceMissing", False),
        ({}, {}, {}, 1, None, "Unknown", "KeysNotChecked", False),
        ({}, {}, {"status": keys_condition(observedGeneration=2)}, 1, None, "Unknown", "KeysNotChecked", False),
        ({}, {}, {"status": keys_condition(status="Unknown")}, 1, None, "Unknown", "KeysNotChecked", False),
        (
            {},
            {},
            {"status": keys_condition(status="False", reason="KeyCanWithdraw")},
            1,
            None,
            "False",
            "KeyCanWithdraw",
            True,
        ),
        (
            {},
            {},
            {"status": keys_condition(status="False", reason="KeyCannotTrade")},
            1,
            None,
            "False",
            "KeyCannotTrade",
            False,
        ),
    ],
)
def test_who_may_run(  # noqa: PLR0917 - the columns of the table
    algorithm: dict[str, Any],
    tenant: dict[str, Any] | None,
    account: dict[str, Any] | None,
    rank: int,
    source: str | None,
    status: str,
    reason: str,
    stops: bool,  # noqa: FBT001 - a column of the table
) -> None:
    verdict = judge_algorithm(
        make_algorithm(**algorithm),
        make_tenant(**tenant) if tenant is not None else None,
        make_account(**account) if account is not None else None,
        rank,
        source,
    )
    assert (verdict.status, verdict.reason, verdict.stops) == (status, reason, stops)
    assert (
        verdict.message.endswith(".")
        or verdict.allows
        or reason in {"SourceMissing", "KeysNotChecked"}
        or "main" in verdict.message
    )


@pytest.mark.parametrize(
    ("environment", "allowed", "reason"),
    [("Paper", False, "Accepted"), ("Live", False, "LiveNotAllowed"), ("Live", True, "Accepted")],
)
def test_which_account_gets_a_gateway(environment: str, allowed: bool, reason: str) -> None:  # noqa: FBT001
    tenant = make_tenant(exchange={"allowLive": allowed})
    assert judge_account(make_account(environment=environment), tenant).reason == reason
    assert judge_account(make_account(), None).reason == "TenantMissing"


def heard(report: dict[str, Any] | None, failures: int = 0) -> Heard:
    parsed = AccountReport.model_validate(report) if report is not None else None
    return Heard("p1", parsed, failures, "/status did not answer (TimeoutError)")


TRADES = {"keyVersion": "ab12cd34", "permissions": {"canTrade": True, "canWithdraw": False}}


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        (heard(TRADES), "True", "KeysChecked"),
        (heard(TRADES, failures=2), "True", "KeysChecked"),
        (heard(TRADES, failures=3), "Unknown", "NotChecked"),
        (heard(None, failures=1), "Unknown", "NotChecked"),
        (None, "Unknown", "NotChecked"),
        (heard({**TRADES, "permissions": None}), "Unknown", "NotChecked"),
        (heard({**TRADES, "permissions": {"canTrade": True, "canWithdraw": True}}), "False", "KeyCanWithdraw"),
        (heard({**TRADES, "permissions": {"canTrade": False, "canWithdraw": False}}), "False", "KeyCannotTrade"),
    ],
)
def test_what_is_known_of_the_keys(word: Heard | None, status: str, reason: str) -> None:
    verdict = judge_keys(make_account(), make_pod_facts(), word)
    assert (verdict.status, verdict.reason) == (status, reason)


def test_a_report_that_does_not_say_whether_the_key_may_withdraw_is_none() -> None:
    with pytest.raises(ValidationError):
        heard({**TRADES, "permissions": {"canTrade": True}})


def test_keys_are_not_checked_before_a_pod_mounts_them() -> None:
    waiting = make_pod_facts(gateway=ContainerFacts(state="waiting", reason="ContainerCreating"))
    for pod in (None, waiting):
        verdict = judge_keys(make_account(), pod, heard(TRADES))
        assert verdict.status is ConditionStatus.UNKNOWN
        assert "main-keys-1" in verdict.message


@pytest.mark.parametrize(
    ("pod", "wanted", "why_not", "update", "step", "reason"),
    [
        (None, True, None, UP_TO_DATE, Step.CREATE, "Starting"),
        (None, True, REFUSED, UP_TO_DATE, Step.NOTHING, "NoPod"),
        (None, False, None, UP_TO_DATE, Step.NOTHING, "NoPod"),
        ({}, True, None, UP_TO_DATE, Step.NOTHING, "PodExists"),
        ({}, False, None, UP_TO_DATE, Step.DELETE, "Stopped"),
        ({}, False, REFUSED, UP_TO_DATE, Step.DELETE, "Stopped"),
        ({}, True, REFUSED, UP_TO_DATE, Step.NOTHING, "PodExists"),
        ({}, True, FORBIDDEN, UP_TO_DATE, Step.DELETE, "LiveNotAllowed"),
        ({}, True, None, RESTART, Step.DELETE, "SpecChanged"),
        ({}, True, REFUSED, RESTART, Step.NOTHING, "PodExists"),
        ({"deleting_since": NOW}, True, None, RESTART, Step.WAIT, "Stopping"),
        ({"deleting_since": NOW}, False, None, UP_TO_DATE, Step.WAIT, "Stopping"),
        ({"deleting_since": NOW, "finished": True}, True, None, UP_TO_DATE, Step.RELEASE, "PodEnded"),
        ({"finished": True}, True, None, UP_TO_DATE, Step.RELEASE, "PodEnded"),
        ({"owner_uid": "other"}, True, None, UP_TO_DATE, Step.WAIT, "PodNotOwned"),
        ({"owner_uid": "other", "finished": True}, False, None, RESTART, Step.WAIT, "PodNotOwned"),
    ],
)
def test_what_happens_to_the_pod(  # noqa: PLR0917 - the columns of the table
    pod: dict[str, Any] | None,
    wanted: bool,  # noqa: FBT001 - a column of the table
    why_not: Verdict | None,
    update: Update,
    step: Step,
    reason: str,
) -> None:
    facts = make_pod_facts(**pod) if pod is not None else None
    decision = decide_pod(UID, facts, wanted=wanted, why_not=why_not, update=update)
    assert (decision.step, decision.reason) == (step, reason)


@pytest.mark.parametrize(
    ("change", "policy", "flat", "pending", "restarts", "reason"),
    [
        ({}, UpdatePolicy.IMMEDIATE, True, False, False, "UpToDate"),
        ({"user_hash": "x"}, UpdatePolicy.MANUAL, False, True, True, "SpecChanged"),
        ({"user_hash": "x", "platform_hash": "y"}, UpdatePolicy.MANUAL, False, True, True, "SpecChanged"),
        ({"platform_hash": "x"}, UpdatePolicy.MANUAL, True, True, False, "PlatformChanged"),
        ({"platform_hash": "x"}, UpdatePolicy.WHEN_FLAT, False, True, False, "PlatformChanged"),
        ({"platform_hash": "x"}, UpdatePolicy.WHEN_FLAT, True, True, True, "PlatformChanged"),
        ({"platform_hash": "x"}, UpdatePolicy.IMMEDIATE, False, True, True, "PlatformChanged"),
        ({"keys_secret": "x", "key_slots": ()}, UpdatePolicy.MANUAL, True, True, False, "KeysChanged"),
        ({"keys_secret": "x", "key_slots": ()}, UpdatePolicy.WHEN_FLAT, True, True, True, "KeysChanged"),
        (
            {"keys_secret": "x", "key_slots": (), "platform_hash": "y"},
            UpdatePolicy.MANUAL,
            True,
            True,
            False,
            "KeysChanged",
        ),
        ({"keys_secret": "x"}, UpdatePolicy.IMMEDIATE, True, True, False, "KeysChanging"),
    ],
)
def test_when_an_update_waits(  # noqa: PLR0917 - the columns of the table
    change: dict[str, str],
    policy: UpdatePolicy,
    flat: bool,  # noqa: FBT001 - a column of the table
    pending: bool,  # noqa: FBT001
    restarts: bool,  # noqa: FBT001
    reason: str,
) -> None:
    update = decide_update(make_pod_facts(**change), "u", "p", "k", policy, flat=flat)
    assert (update.pending, update.restarts, update.reason) == (pending, restarts, reason)


@pytest.mark.parametrize(
    ("report", "failures", "flat"),
    [
        ({"reconciled": True, "openOrders": 0, "positions": {}}, 0, True),
        ({"reconciled": True, "openOrders": 0, "positions": {"BTCUSDT": "0.00"}}, 0, True),
        ({"reconciled": True, "openOrders": 0, "positions": {"BTCUSDT": "0.1"}}, 0, False),
        ({"reconciled": True, "openOrders": 1, "positions": {}}, 0, False),
        ({"reconciled": False, "openOrders": 0, "positions": {}}, 0, False),
        ({"reconciled": True, "positions": {}}, 0, False),
        ({"reconciled": True, "openOrders": 0, "positions": {}}, 3, False),
    ],
)
def test_what_counts_as_flat(report: dict[str, Any], failures: int, flat: bool) -> None:  # noqa: FBT001
    assert is_flat(Heard("p1", AlgorithmReport.model_validate(report), failures, "")) is flat
    assert is_flat(None) is False


def test_deadlines() -> None:
    grace_over = NOW - timedelta(seconds=61)
    assert is_overdue(make_pod_facts(deleting_since=grace_over), NOW)
    assert not is_overdue(make_pod_facts(deleting_since=NOW), NOW)
    assert not is_overdue(make_pod_facts(deleting_since=grace_over, finished=True), NOW)
    assert not is_overdue(make_pod_facts(), NOW)
    deleted = make_algorithm(metadata={"deletionTimestamp": NOW.isoformat()})
    assert not is_deadline_passed(deleted, NOW + timedelta(seconds=200))
    assert is_deadline_passed(deleted, NOW + timedelta(seconds=211))
    assert not is_deadline_passed(make_algorithm(), NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("gateway", "action", "result", "part"),
    [
        (
            {"end_message": '{"onStop": {"action": "Flatten", "result": "Done", "message": "sold 0.5"}}'},
            StopAction.FLATTEN,
            "Done",
            "sold 0.5",
        ),
        ({"end_message": "not json", "exit_code": 0}, StopAction.CANCEL_ORDERS, "Incomplete", "without a report"),
        ({"end_message": '{"onStop": {"action": "Sell"}}', "exit_code": 0}, StopAction.FLATTEN, "Incomplete", "report"),
        ({"exit_code": 137, "end_reason": "OOMKilled"}, StopAction.FLATTEN, "Incomplete", "OOMKilled"),
        ({"state": "waiting"}, StopAction.CANCEL_ORDERS, "Incomplete", "never ran"),
        ({"exit_code": 137}, StopAction.KEEP, "Done", "left as they are"),
    ],
)
def test_what_is_said_of_a_stop(gateway: dict[str, Any], action: StopAction, result: str, part: str) -> None:
    facts = ContainerFacts(**{"state": "terminated", **gateway})
    outcome = find_outcome(action, make_pod_facts(gateway=facts))
    assert outcome.result == result
    assert part in outcome.message


@pytest.mark.parametrize(
    ("status", "slots", "chosen"),
    [
        (CHECKED, ("old", "main-keys-1"), "main-keys-1"),
        (CHECKED, ("old",), "old"),
        ({}, ("old", "main-keys-1"), "old"),
        (keys_condition(status="False"), ("old", "main-keys-1"), "old"),
    ],
)
def test_a_running_pod_is_told_of_new_keys_once_they_are_checked_and_mounted(
    status: Any, slots: tuple[str, ...], chosen: str
) -> None:
    pod = make_pod_facts(keys_secret="old", key_slots=slots)
    assert choose_keys(make_account(status=status), pod) == chosen


def heard_gateway(keys_secret: str | None) -> Heard:
    return Heard("p1", AlgorithmReport(keys_secret=keys_secret), 0, "")


def test_the_gateways_word_says_which_keys_are_in_use() -> None:
    pod = make_pod_facts()
    assert read_keys_in_use(pod, None) == "k"
    assert read_keys_in_use(pod, heard_gateway("main-keys-2")) == "main-keys-2"
    assert read_keys_in_use(pod, heard_gateway("somebody-elses")) == "k"
    assert read_keys_in_use(pod, heard_gateway(None)) == "k"
