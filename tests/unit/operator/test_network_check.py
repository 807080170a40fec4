"""What a canary's end says of the network, and when the next one flies."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stockade_crds import Condition
from stockade_operator.manifests.network_canary import make_network_canary
from stockade_operator.network_check import CONDITION, Flight, judge_network, plan_flight
from stockade_operator.pods import find_owner
from stockade_operator.settings import Settings
from stockade_operator.status import yes

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def make_canary(settings: Settings, phase: str = "Pending", message: str = "", **more: Any) -> dict[str, Any]:
    pod = make_network_canary("demo", "t1", "10.0.0.9", settings)
    pod["metadata"] |= {"uid": "c1", "creationTimestamp": "2026-01-01T00:00:00Z", **more}
    pod["status"] = {"phase": phase}
    if phase in {"Succeeded", "Failed"}:
        end = {"exitCode": 0, "reason": "Completed", "message": message}
        pod["status"]["containerStatuses"] = [{"name": "canary", "state": {"terminated": end}}]
    return pod


@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        ('{"open": true, "closed": false}', "True", "CanaryHeld"),
        ('{"open": true, "closed": true}', "False", "NotEnforced"),
        ('{"open": false, "closed": false}', "Unknown", "CanaryCutOff"),
        ('{"open": false, "closed": true}', "Unknown", "CanaryCutOff"),
        ('{"open": 1}', "Unknown", "CanaryFailed"),
        ("Killed", "Unknown", "CanaryFailed"),
    ],
)
def test_only_an_open_door_beside_a_closed_one_proves_enforcement(
    settings: Settings, message: str, status: str, reason: str
) -> None:
    fact = judge_network(make_canary(settings, "Succeeded", message), [], BORN)
    assert (fact.status, fact.reason) == (status, reason)


def test_while_a_canary_flies_what_was_known_stays(settings: Settings) -> None:
    known = Condition.model_validate(
        {
            "type": CONDITION,
            "status": "False",
            "reason": "NotEnforced",
            "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    )
    for canary in (None, make_canary(settings)):
        assert judge_network(canary, [known], BORN).reason == "NotEnforced"
        assert judge_network(canary, [], BORN).reason == "NotChecked"


def test_a_canary_that_never_runs_is_told_with_its_reason(settings: Settings) -> None:
    canary = make_canary(settings)
    canary["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "message": "no node has room"}]
    fact = judge_network(canary, [], BORN + timedelta(minutes=4))
    assert (fact.status, fact.reason) == ("Unknown", "CanaryWaits")
    assert "no node has room" in fact.message


@pytest.mark.parametrize(
    ("phase", "message", "minutes", "flight"),
    [
        ("Succeeded", {"open": True, "closed": False}, 9, Flight.WAIT),
        ("Succeeded", {"open": True, "closed": False}, 10, Flight.REMOVE),
        ("Succeeded", {"open": True, "closed": True}, 9, Flight.WAIT),
        ("Succeeded", {"open": False, "closed": False}, 1, Flight.REMOVE),
        ("Failed", {}, 1, Flight.REMOVE),
        ("Pending", {}, 5, Flight.WAIT),
        ("Pending", {}, 6, Flight.REMOVE),
    ],
)
def test_the_next_one_flies_in_ten_minutes_or_sooner_when_nothing_is_known(
    settings: Settings, phase: str, message: dict[str, bool], minutes: int, flight: Flight
) -> None:
    canary, now = make_canary(settings, phase, json.dumps(message)), BORN + timedelta(minutes=minutes)
    assert plan_flight(canary, judge_network(canary, [], now), now)[0] is flight


def test_one_canary_at_a_time(settings: Settings) -> None:
    fact = yes(CONDITION, "CanaryHeld", "")
    assert plan_flight(None, fact, BORN)[0] is Flight.START
    leaving = make_canary(settings, "Succeeded", deletionTimestamp="2026-01-01T00:00:00Z")
    assert plan_flight(leaving, fact, BORN + timedelta(hours=1))[0] is Flight.WAIT


def test_its_pod_is_the_tenants(settings: Settings) -> None:
    assert find_owner(make_canary(settings)) == ("Tenant", "", "demo")
