"""The judge of a person's orders: placed and cancelled through an account's gateway, as the panel does.

Apart from the rules about algorithms, most of which it shares, because there is one such person on every account and
all their orders begin alike: `split_manual` shows each account by itself.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from stockade_wire.order_ids import MANUAL_PREFIX
from tests.chaos.evidence import AlgorithmEvidence, Evidence, ManualEvidence, Violation
from tests.chaos.in_force import index_decisions, list_confirmed, may_be_halted
from tests.chaos.replay import list_cancels, list_placements

# What the gateway answers when the order was placed, and when that is unknown: no answer, its own error, a time-out.
PLACED, UNKNOWN = 201, frozenset({0, 500, 504})
_OPEN = frozenset({"SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL"})


def describe_person(manual: ManualEvidence) -> AlgorithmEvidence:
    """Return the person of an account as the rules about algorithms see one."""
    name = f"manual orders of {manual.account_name}"
    return AlgorithmEvidence(name=name, prefix=MANUAL_PREFIX, account=manual.account, controls=manual.controls)


def split_manual(evidence: Evidence) -> list[Evidence]:
    """Return for each person all that there is about their account, the person being the only one who trades."""
    return [_show_account(evidence, manual) for manual in evidence.manual]


def find_purchases_while_reducing(view: Evidence) -> Iterator[Violation]:
    """Once the account's gateway has confirmed Reducing, nothing but sales is decided on."""
    (manual,), (person,) = view.manual, view.algorithms
    times, decided = list_confirmed(manual.controls, "Reducing"), index_decisions(view)
    for placement in list_placements(view.entries):
        at_ms = decided.get(placement.client_order_id)
        if at_ms is None or placement.side == "SELL" or not placement.client_order_id.startswith(MANUAL_PREFIX):
            continue
        if any(since_ms < at_ms < until_ms for since_ms, until_ms in times):
            text = f"{placement.client_order_id} at {at_ms} was a purchase"
            yield Violation("nothing but less while Reducing", person.name, text)


def find_unwanted_cancels(view: Evidence) -> Iterator[Violation]:
    """A manual order is cancelled because a person asked for it or the account was halted, and for nothing else."""
    (manual,), (person,) = view.manual, view.algorithms
    for at_ms, number in list_cancels(view.entries):
        if not number.startswith(MANUAL_PREFIX) or number in manual.cancels:
            continue
        if not may_be_halted(manual.controls, at_ms):
            yield Violation("no foreign order touched", person.name, f"{number} was to be cancelled at {at_ms}")


def find_wrong_answers(view: Evidence) -> Iterator[Violation]:
    """What the gateway answered was true: each wish is sent once at most, a refused one never became an order."""
    (manual,), (person,) = view.manual, view.algorithms
    sent = Counter(
        placement.quantity
        for placement in list_placements(view.entries)
        if placement.client_order_id.startswith(MANUAL_PREFIX)
    )
    made = {
        Decimal(order["origQty"]): order["clientOrderId"]
        for account in view.accounts
        for order in account["orders"]
        if order["clientOrderId"].startswith(MANUAL_PREFIX)
    }
    for wish in manual.wishes:
        if sent[wish.quantity] > 1:
            text = f"the wish for {wish.quantity} was sent {sent[wish.quantity]} times"
            yield Violation("never twice", person.name, text)
        number = made.get(wish.quantity)
        is_wrong = wish.status == PLACED and number != wish.client_order_id
        if is_wrong or (number is not None and wish.status not in {PLACED, *UNKNOWN}):
            text = f"the wish for {wish.quantity} became {number}; the answer was {wish.status} {wish.text}"
            yield Violation("the answer is true", person.name, text)
        if wish.status == 500:
            yield Violation("the answer is true", person.name, f"the gateway failed: {wish.text}")
    for quantity in sent.keys() - {wish.quantity for wish in manual.wishes}:
        yield Violation("the answer is true", person.name, f"nobody asked for an order of {quantity}")


def _show_account(evidence: Evidence, manual: ManualEvidence) -> Evidence:
    steps = [
        row for row in evidence.order_events if (row.get("account"), row["algorithm"]) == (manual.account_name, "")
    ]
    states = {row["client_order_id"]: row["state"] for row in sorted(steps, key=lambda row: int(row["sequence"]))}
    # The gateway's own count of open orders is what it has in the ledger.
    person = replace(describe_person(manual), open_orders=sum(state in _OPEN for state in states.values()))
    return replace(
        evidence,
        entries=[entry for entry in evidence.entries if entry.get("account") == manual.account],
        accounts=[account for account in evidence.accounts if account["account"] == manual.account],
        algorithms=[person],
        order_events=steps,
        fills=[row for row in evidence.fills if row.get("account") == manual.account_name],
        positions=(),
        foreign_orders=frozenset(),
        manual=[manual],
    )
