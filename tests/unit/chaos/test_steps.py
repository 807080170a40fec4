"""The judge of an order's steps: one that is missing, twice or out of turn is objected to, unless a pod was lost."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from stockade_gateway.orders import FINAL_STATES, OrderState
from tests.chaos.evidence import Evidence
from tests.chaos.judge import judge
from tests.chaos.steps import CLOSED, NEXT
from tests.support.chaos_evidence import BEGAN_MS, FILLED, PREFIX, RESTING, make_evidence, write_request, write_step

STEPS = make_evidence().order_events
WRONG = "exactly once, in order"
MISSING = "no step is missing"
LATER_MS = BEGAN_MS + 60_000


def with_steps(*rows: dict[str, Any], instead_of: Sequence[str] = (), losses_ms: Sequence[int] = ()) -> Evidence:
    good = make_evidence()
    kept = [row for row in STEPS if row["client_order_id"] not in instead_of]
    algorithm = replace(good.algorithms[0], losses_ms=losses_ms)
    return replace(good, algorithms=[algorithm], order_events=[*kept, *rows])


def write_filled(sequence: int, at_ms: int = BEGAN_MS) -> dict[str, Any]:
    return write_step(FILLED, sequence, "FILLED", filled="1", quote="100", at_ms=at_ms)


def rules_broken(evidence: Evidence) -> set[str]:
    return {violation.rule for violation in judge(evidence)}


def test_every_state_has_a_successor_or_is_closed() -> None:
    assert NEXT.keys() | CLOSED | {"INITIALIZED"} == set(OrderState)
    assert set(FINAL_STATES) == CLOSED


def test_a_step_after_the_end_is_seen() -> None:
    assert rules_broken(with_steps(write_filled(2))) == {WRONG}


@pytest.mark.parametrize(
    ("number", "states"), [(FILLED, (0, 2)), (FILLED, (1, 2)), (RESTING, (0, 2)), (RESTING, (0, 1, 3))]
)
def test_a_gap_in_an_orders_steps_is_seen(number: str, states: tuple[int, ...]) -> None:
    told = ["SUBMITTED", *["ACCEPTED"] * (len(states) - 2)]
    rows = [write_step(number, sequence, state) for sequence, state in zip(states, told, strict=False)]
    rows.append(write_filled(states[-1]) if number == FILLED else write_step(number, states[-1], "ACCEPTED"))
    assert rules_broken(with_steps(*rows, instead_of=[number])) == {WRONG}


@pytest.mark.parametrize(
    ("before", "after"), [("ACCEPTED", "SUBMITTED"), ("ACCEPTED", "REJECTED"), ("DENIED", "ACCEPTED")]
)
def test_a_step_that_no_order_takes_is_seen(before: str, after: str) -> None:
    own = f"{PREFIX}9"
    rows = [write_step(own, 0, "SUBMITTED"), write_step(own, 1, before), write_step(own, 2, after)]
    rows += [] if after == "REJECTED" else [write_step(own, 3, "REJECTED")]
    assert WRONG in rules_broken(with_steps(*rows))


def test_an_order_that_begins_in_the_middle_is_seen() -> None:
    assert rules_broken(with_steps(write_step(RESTING, 0, "ACCEPTED"), instead_of=[RESTING])) == {WRONG}


def test_an_order_found_again_counts_on_from_above_only_where_a_pod_was_lost() -> None:
    found = write_step(RESTING, 1_700_000_001, "ACCEPTED", at_ms=LATER_MS)
    assert rules_broken(with_steps(found)) == {WRONG}
    assert rules_broken(with_steps(found, losses_ms=[BEGAN_MS + 30_000])) == set()
    assert rules_broken(with_steps(found, losses_ms=[LATER_MS + 1])) == {WRONG}


def test_a_fill_without_a_step_of_its_own_is_seen_unless_a_pod_was_lost() -> None:
    good = make_evidence()
    (account,) = good.accounts
    half = {**account["fills"][0], "qty": "0.5", "quoteQty": "50", "commission": "0.0005"}
    row = {**good.fills[0], "quantity": Decimal("0.5"), "quote_quantity": Decimal(50), "commission": Decimal("0.0005")}
    evidence = replace(
        good,
        accounts=[{**account, "fills": [half, {**half, "id": 12}]}],
        fills=[row, {**row, "trade_id": 12}],
    )
    assert rules_broken(evidence) == {MISSING}
    between = write_step(FILLED, 1, "PARTIALLY_FILLED", filled="0.5", quote="50")
    whole = write_filled(2, LATER_MS)
    both = [write_step(FILLED, 0, "SUBMITTED"), between, whole]
    assert rules_broken(replace(evidence, order_events=[*both, *STEPS[2:]])) == set()
    lost = replace(evidence.algorithms[0], losses_ms=[BEGAN_MS + 100])
    once = [both[0], write_filled(1, LATER_MS), *STEPS[2:]]
    assert rules_broken(replace(evidence, algorithms=[lost], order_events=once)) == set()


def test_a_cancel_that_was_sent_without_a_step_is_seen() -> None:
    cancel = write_request("order.cancel", BEGAN_MS + 500, symbol="BTCUSDT", origClientOrderId=RESTING)
    evidence = with_steps()
    assert rules_broken(replace(evidence, entries=[*evidence.entries, cancel])) == {MISSING}
    evidence = with_steps(write_step(RESTING, 2, "PENDING_CANCEL"))
    assert rules_broken(replace(evidence, entries=[*evidence.entries, cancel])) == set()


def test_an_order_that_stands_and_is_only_known_as_sent_is_seen() -> None:
    assert rules_broken(with_steps(write_step(RESTING, 0, "SUBMITTED"), instead_of=[RESTING])) == {MISSING}


def test_a_new_size_without_a_step_is_seen() -> None:
    asked = write_request("order.amend.keepPriority", BEGAN_MS + 300, origClientOrderId=RESTING, newQty="0.5")
    good = make_evidence()
    (account,) = good.accounts
    smaller = [{**order, "origQty": "0.5"} if order["orderId"] == 2 else order for order in account["orders"]]
    amended = replace(good, accounts=[{**account, "orders": smaller}], entries=[*good.entries, asked])
    assert rules_broken(amended) == {MISSING}
    step = {**write_step(RESTING, 2, "ACCEPTED"), "quantity": Decimal("0.5")}
    assert rules_broken(replace(amended, order_events=[*good.order_events, step])) == set()
