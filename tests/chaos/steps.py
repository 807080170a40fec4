"""The judge of an order's steps in the ledger: each there, once, in an order that an order's life can take.

Apart from the rules about an order's end. A step may only be missing where a pod was lost with its volumes: what its
gateway had not told the ledger yet went with it. Its successor counts on from what the ledger has or, where it could
not ask, from a number far above (`stockade_gateway.orders` says which).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from tests.chaos.evidence import AlgorithmEvidence, Evidence, Row, Violation
from tests.chaos.replay import AMENDMENT, ZERO, list_cancels
from tests.chaos.trades import index_own_orders, index_own_trades

STATE_OF_STATUS = {
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
}
CLOSED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED"})
_ENDS = frozenset({"FILLED", "CANCELED", "EXPIRED"})
# From which state an order comes into which; a cancel that was refused takes it back to where it was.
NEXT = {
    "SUBMITTED": {"ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL", "REJECTED", *_ENDS},
    "ACCEPTED": {"ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL", *_ENDS},
    "PARTIALLY_FILLED": {"PARTIALLY_FILLED", "PENDING_CANCEL", *_ENDS},
    "PENDING_CANCEL": {"PENDING_CANCEL", "SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "REJECTED", *_ENDS},
}
_BEGINNINGS = frozenset({"SUBMITTED", "DENIED"})
# Numbers from here on are times: of an order found at the exchange by a gateway that had nothing written of it.
_FOUND_FROM = 1_000_000_000
# A step on its way to the ledger when its pod was lost may still arrive.
_ARRIVAL_MS = 5_000


def find_wrong_steps(evidence: Evidence) -> Iterator[Violation]:
    """An order's steps are numbered from 0 without a gap, and each may follow the one before; no fill is taken back."""
    losses = {each.name: each.losses_ms for each in evidence.algorithms}
    for number, steps in _group_steps(evidence).items():
        name = steps[0]["algorithm"]
        for fault in _list_faults(steps, losses.get(name, ())):
            yield Violation("exactly once, in order", name, f"{number}: {fault}")


def find_missing_steps(evidence: Evidence) -> Iterator[Violation]:
    """What happened to an order has its step: each fill, its cancel, its new size, and that it stands."""
    grouped = _group_steps(evidence)
    cancelled = {number for _, number in list_cancels(evidence.entries)}
    amended = {
        entry["parameters"].get("origClientOrderId")
        for entry in evidence.entries
        if entry["kind"] == "request" and entry["name"] == AMENDMENT
    }
    for algorithm in evidence.algorithms:
        fills: dict[str, Counter[Decimal]] = defaultdict(Counter)
        for (_, _, number), trade in index_own_trades(evidence, algorithm).items():
            fills[number][trade["quantity"]] += 1
        for number, order in index_own_orders(evidence, algorithm).items():
            steps = grouped.get(number)
            if steps is None:
                continue  # What `find_forgotten_orders` says.
            missing = [_find_unknown(order, steps), _find_unsaid_amendment(order, steps) if number in amended else None]
            if not _may_have_lost(algorithm, steps):
                missing.append(_find_unsaid_fills(fills[number], steps))
                missing.append(_find_unsaid_cancel(steps) if number in cancelled else None)
            for text in filter(None, missing):
                yield Violation("no step is missing", algorithm.name, f"{number}: {text}")


def _find_unknown(order: Row, steps: Sequence[Row]) -> str | None:
    is_unknown = order["status"] not in STATE_OF_STATUS and steps[-1]["state"] == "SUBMITTED"
    return "it stands at the exchange, and has no step that says so" if is_unknown else None


def _find_unsaid_amendment(order: Row, steps: Sequence[Row]) -> str | None:
    told, real = steps[-1]["quantity"], order["origQty"]
    return None if told == Decimal(real) else f"its quantity is {real}, the last step's {told}"


def _find_unsaid_fills(fills: Counter[Decimal], steps: Sequence[Row]) -> str | None:
    filled = [ZERO, *(row["filled_quantity"] for row in steps)]
    told = Counter(after - before for before, after in pairwise(filled) if after != before)
    return None if told == fills else f"its fills are {sorted(fills.elements())}, its steps' {sorted(told.elements())}"


def _find_unsaid_cancel(steps: Sequence[Row]) -> str | None:
    is_said = any(row["state"] == "PENDING_CANCEL" for row in steps)
    return None if is_said else "its cancel was sent, and has no step"


def _list_faults(steps: Sequence[Row], losses_ms: Sequence[int]) -> Iterator[str]:
    first = steps[0]
    if first["sequence"] < _FOUND_FROM and (first["sequence"] or first["state"] not in _BEGINNINGS):
        yield f"its first step is number {first['sequence']}, {first['state']}"
    for last, row in pairwise(steps):
        is_next = row["sequence"] == last["sequence"] + 1 and row["state"] in NEXT.get(last["state"], ())
        is_found = row["sequence"] >= _FOUND_FROM > last["sequence"] and _was_lost_between(losses_ms, last, row)
        is_found = is_found and last["state"] not in CLOSED
        if not (is_next or is_found) or row["filled_quantity"] < last["filled_quantity"]:
            told = f"{last['sequence']} {last['state']} {last['filled_quantity']}"
            yield f"{told} is followed by {row['sequence']} {row['state']} {row['filled_quantity']}"


def _was_lost_between(losses_ms: Sequence[int], last: Row, row: Row) -> bool:
    since_ms, until_ms = (each["recorded_time"].timestamp() * 1000 for each in (last, row))
    return any(since_ms - _ARRIVAL_MS <= each <= until_ms for each in losses_ms)


def _may_have_lost(algorithm: AlgorithmEvidence, steps: Sequence[Row]) -> bool:
    """Return whether a pod was lost while the order lived."""
    began_ms, ended_ms = (each["recorded_time"].timestamp() * 1000 for each in (steps[0], steps[-1]))
    return steps[0]["sequence"] > 0 or any(began_ms - _ARRIVAL_MS <= each <= ended_ms for each in algorithm.losses_ms)


def _group_steps(evidence: Evidence) -> dict[str, list[Row]]:
    steps: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(evidence.order_events, key=lambda row: int(row["sequence"])):
        steps[row["client_order_id"]].append(row)
    return steps
