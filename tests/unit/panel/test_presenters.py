"""What the pages say about an Algorithm."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stockade_panel.algorithms.acts import ACTS, needs_name, offer_acts
from stockade_panel.algorithms.presenters import (
    build_checklist,
    list_notices,
    present_overview,
    summarize_checklist,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
STEPS = ("Accepted", "Scheduled", "GatewayReady", "Connected", "Reconciled", "AlgorithmRunning", "WithinLimits")


def condition(kind: str, status: str, *, seconds_ago: int = 300, generation: int = 4, **more: str) -> dict[str, Any]:
    then = (NOW - timedelta(seconds=seconds_ago)).isoformat()
    return {"type": kind, "status": status, "lastTransitionTime": then, "observedGeneration": generation, **more}


def algorithm(*conditions: dict[str, Any], spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "grid", "namespace": "tenant-demo", "generation": 4},
        "spec": {"account": "main", "symbols": ["BTCUSDT"], "state": "Running", "trading": "Active", **(spec or {})},
        "status": {"conditions": list(conditions), **status},
    }


def states(manifest: dict[str, Any]) -> list[str]:
    return [step.state for step in build_checklist(manifest, NOW)]


def test_a_trading_algorithm_has_done_every_step() -> None:
    manifest = algorithm(*(condition(kind, "True") for kind in STEPS))
    assert states(manifest) == ["done"] * 7
    assert summarize_checklist(build_checklist(manifest, NOW)) == "Every step is done."


def test_only_the_first_unfinished_step_stands_still() -> None:
    manifest = algorithm(
        condition("Accepted", "True"),
        condition("Scheduled", "True"),
        condition("GatewayReady", "False", reason="KeysRefused", message="the exchange refused the key"),
        condition("Connected", "False", reason="Waiting"),
    )
    assert states(manifest) == ["done", "done", "stuck", "waiting", "waiting", "waiting", "waiting"]
    steps = build_checklist(manifest, NOW)
    assert steps[2].log_container == "gateway"
    assert steps[2].hint
    assert summarize_checklist(steps) == "Stands still at “Gateway started”: the exchange refused the key"


def test_a_step_may_take_its_time_before_it_stands_still() -> None:
    fresh = condition("Scheduled", "False", seconds_ago=5, reason="Pulling", message="pulls its image")
    assert states(algorithm(condition("Accepted", "True"), fresh))[1] == "waiting"


def test_a_condition_of_an_older_generation_is_no_verdict_on_this_one() -> None:
    old = condition("Accepted", "False", generation=3, reason="Invalid")
    assert states(algorithm(old))[0] == "waiting"


def test_what_can_not_be_told_is_unknown_and_not_failed() -> None:
    assert states(algorithm(condition("Accepted", "True"), condition("Scheduled", "Unknown")))[1] == "unknown"


def test_a_stopped_algorithm_waits_for_nothing() -> None:
    manifest = algorithm(condition("Accepted", "True"), spec={"state": "Stopped"})
    assert states(manifest) == ["done", *["off"] * 6]


def test_what_the_status_does_not_say_is_unknown_and_not_zero() -> None:
    overview = present_overview(algorithm())
    assert overview.realized_pnl_today is None
    assert overview.open_orders is None
    assert overview.state == "Unknown"
    assert overview.mode == "Unknown"


def test_money_of_the_status_is_decimal_to_the_last_digit() -> None:
    overview = present_overview(algorithm(realizedPnlToday="0.123456789012345678", openOrders=3))
    assert overview.realized_pnl_today == Decimal("0.123456789012345678")
    assert overview.open_orders == 3


def test_a_gap_between_wanted_and_so_is_named() -> None:
    assert present_overview(algorithm(state="Stopped")).gap == "is to run"
    assert present_overview(algorithm(spec={"state": "Stopped"}, state="Running")).gap == "is to stop"
    halted = algorithm(spec={"trading": "Halted"}, state="Running", pod="algo-grid", appliedControlGeneration=3)
    assert present_overview(halted).gap == "is to be Halted"
    halted["status"]["appliedControlGeneration"] = 4
    assert present_overview(halted).gap is None


def test_a_fault_is_told_with_file_and_line() -> None:
    fault = {"kind": "ValueError", "message": "no", "file": "algorithm.py", "line": 7}
    assert present_overview(algorithm(fault=fault)).fault == "ValueError: no (algorithm.py, line 7)"


def test_notices_are_shown_only_while_they_are_true() -> None:
    manifest = algorithm(condition("Stalled", "True", reason="NodeGone"), condition("UpdatePending", "False"))
    assert [notice["reason"] for notice in list_notices(manifest)] == ["NodeGone"]


def test_acts_that_would_change_nothing_are_not_offered() -> None:
    def offered(**spec: str) -> list[str]:
        return [act.name for act in offer_acts(present_overview(algorithm(spec=spec)))]

    assert offered() == ["pause", "stop", "kill"]
    assert offered(state="Stopped") == ["start", "pause", "kill"]
    assert offered(trading="Reducing") == ["resume", "stop", "kill"]
    assert offered(trading="Halted") == ["resume", "stop"]


def test_whatever_lets_real_money_trade_needs_the_name_typed() -> None:
    live, paper = present_overview(algorithm(mode="Live")), present_overview(algorithm(mode="Paper"))
    assert {act.name for act in ACTS.values() if needs_name(act, live)} == {"start", "resume"}
    assert not any(needs_name(act, paper) for act in ACTS.values())
