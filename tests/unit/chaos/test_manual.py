"""The judge of a person's orders: what the account's gateway answered was true, and it did that and nothing else."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.chaos.account_limits import ACCOUNT_EXPOSURE, find_passed_account_limits
from tests.chaos.evidence import ControlPeriod, Evidence, ManualEvidence, Wish
from tests.chaos.judge import judge
from tests.support.chaos_evidence import BEGAN_MS, make_evidence, write_order, write_request, write_step

ORDER = "skm-1"
AT_MS = BEGAN_MS + 5000
ACTIVE = ControlPeriod(BEGAN_MS - 1000, BEGAN_MS - 900, "Active", {})
PLACED = Wish(Decimal(1), 201, "", ORDER)


def with_person(*wishes: Wish, controls: tuple[ControlPeriod, ...] = (ACTIVE,), number: str = ORDER) -> Evidence:
    """Add a person on the algorithm's account whose wish for 1 BTC rests at the exchange and is in the ledger."""
    good = make_evidence()
    account = dict(good.accounts[0])
    facts = {"status": "NEW", "executedQty": "0", "cummulativeQuoteQty": "0", "origQty": "1"}
    account["orders"] = [*account["orders"], {"orderId": 5, "clientOrderId": number, **facts}]
    whose = {"algorithm": "", "account": "paper"}
    steps = [
        write_step(number, place, state, at_ms=AT_MS) | whose for place, state in enumerate(("SUBMITTED", "ACCEPTED"))
    ]
    return replace(
        good,
        accounts=[account],
        entries=[*good.entries, *write_order(number, 5, AT_MS)],
        order_events=[*good.order_events, *steps],
        manual=[ManualEvidence(1001, "paper", controls, wishes)],
    )


def rules_broken(evidence: Evidence) -> set[str]:
    return {violation.rule for violation in judge(evidence)}


def test_a_wish_that_was_granted_is_passed() -> None:
    assert judge(with_person(PLACED)) == []


@pytest.mark.parametrize("status", [0, 504])
def test_a_wish_that_nobody_knows_the_end_of_may_have_been_granted(status: int) -> None:
    assert judge(with_person(Wish(Decimal(1), status))) == []


@pytest.mark.parametrize("status", [400, 401, 409, 502, 503])
def test_a_refused_wish_that_became_an_order_is_seen(status: int) -> None:
    assert rules_broken(with_person(Wish(Decimal(1), status))) == {"the answer is true"}


def test_a_granted_wish_of_which_there_is_no_order_is_seen() -> None:
    other = Wish(Decimal(2), 201, "", "skm-2")
    assert rules_broken(with_person(PLACED, other)) == {"the answer is true"}


def test_an_order_that_nobody_asked_for_is_seen() -> None:
    assert rules_broken(with_person()) == {"the answer is true"}


def test_a_gateway_that_fails_is_seen() -> None:
    assert rules_broken(with_person(PLACED, Wish(Decimal(2), 500, "Internal Server Error"))) == {"the answer is true"}


def test_a_wish_sent_twice_under_another_id_is_seen() -> None:
    good = with_person(PLACED)
    again = write_order("skm-2", 6, AT_MS + 100)[0]
    assert rules_broken(replace(good, entries=[*good.entries, again])) == {"never twice"}


def test_an_order_sent_twice_is_seen() -> None:
    good = with_person(PLACED)
    again = write_order(ORDER, 5, AT_MS + 100)[0]
    assert rules_broken(replace(good, entries=[*good.entries, again])) == {"never twice"}


def test_an_order_that_the_gateway_does_not_know_is_seen() -> None:
    good = with_person(PLACED)
    steps = [row for row in good.order_events if row["client_order_id"] != ORDER]
    assert rules_broken(replace(good, order_events=steps)) == {"never forgotten"}


def test_an_order_of_another_account_is_none_of_this_ones() -> None:
    good = with_person(PLACED)
    steps = [{**row, "account": "other"} if row["client_order_id"] == ORDER else row for row in good.order_events]
    assert rules_broken(replace(good, order_events=steps)) == {"never forgotten"}


def test_a_cancel_is_a_wish_too_unless_the_account_was_halted() -> None:
    good = with_person(PLACED)
    cancel = {**write_request("DELETE /api/v3/order", AT_MS + 100, origClientOrderId=ORDER), "account": 1001}
    cancelled = replace(good, entries=[*good.entries, cancel])
    assert rules_broken(cancelled) == {"no foreign order touched"}
    (person,) = good.manual
    assert judge(replace(cancelled, manual=[replace(person, cancels=frozenset({ORDER}))])) == []
    halted = ControlPeriod(AT_MS + 50, None, "Halted", {})
    assert judge(replace(cancelled, manual=[replace(person, controls=[ACTIVE, halted])])) == []


def test_an_order_after_the_account_was_halted_is_seen() -> None:
    halted = ControlPeriod(AT_MS - 500, AT_MS - 400, "Halted", {})
    assert rules_broken(with_person(PLACED, controls=(ACTIVE, halted))) == {"nothing after Halted"}


def test_a_purchase_while_the_account_reduces_is_seen() -> None:
    reducing = ControlPeriod(AT_MS - 500, AT_MS - 400, "Reducing", {})
    evidence = with_person(PLACED, controls=(ACTIVE, reducing))
    assert rules_broken(evidence) == {"nothing but less while Reducing"}
    sold = [
        {**each, "parameters": {**each["parameters"], "side": "SELL"}}
        if each["kind"] == "request" and each["parameters"]["newClientOrderId"] == ORDER
        else each
        for each in evidence.entries
    ]
    assert judge(replace(evidence, entries=sold)) == []


def test_a_purchase_counts_for_the_accounts_limit_and_a_sale_of_what_was_there_does_not() -> None:
    # Held and resting of the algorithm, 1.999, and the person's 1, at 100.
    bounds = {
        limit: (ControlPeriod(BEGAN_MS - 1000, BEGAN_MS - 900, "Active", {ACCOUNT_EXPOSURE: limit}),)
        for limit in ("299.9", "299.8")
    }
    assert list(find_passed_account_limits(with_person(PLACED, controls=bounds["299.9"]))) == []
    evidence = with_person(PLACED, controls=bounds["299.8"])
    assert [each.algorithm for each in find_passed_account_limits(evidence)] == ["manual orders of paper"]
    sold = [
        {**each, "parameters": {**each["parameters"], "side": "SELL"}}
        if each["kind"] == "request" and each["timeMs"] == AT_MS
        else each
        for each in evidence.entries
    ]
    assert list(find_passed_account_limits(replace(evidence, entries=sold))) == []
