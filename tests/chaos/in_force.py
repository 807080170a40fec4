"""What was decided when, under which limits, and how large it could become: what every rule about limits measures with.

Apart from the rules because those of one algorithm (`judge.py`) and those of an account (`account_limits.py`) share it.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tests.chaos.evidence import AlgorithmEvidence, ControlPeriod, Evidence
from tests.chaos.replay import Placement, Standing

# Orders are counted when they were decided on; what is measured here is when they arrived or were written down.
RATE_WINDOW_MS = 58_000
# A request that was on its way when trading was halted may arrive this late.
LATE_ARRIVAL_MS = 6_000


def index_decisions(evidence: Evidence) -> dict[str, int]:
    """Return when each order was decided on, for those whose first step the ledger has."""
    return {
        row["client_order_id"]: int(row["event_time"].timestamp() * 1000)
        for row in evidence.order_events
        if row["sequence"] == 0 and row["state"] == "SUBMITTED"
    }


def measure_worst(placement: Placement, standing: Standing) -> tuple[Decimal, Decimal]:
    """Return the largest position that the open orders could lead to, without the order and with the whole of it."""
    own = placement.client_order_id
    whole = replace(standing, open={**standing.open, own: (placement, placement.quantity)})
    return standing.worst(placement.symbol, without=own), whole.worst(placement.symbol)


def find_loosest_limit(algorithm: AlgorithmEvidence, name: str, since_ms: int, until_ms: int) -> Decimal | None:
    """Return the loosest value that may have been in force between two times; None when there may have been none."""
    values = []
    for number, period in enumerate(algorithm.controls):
        later = algorithm.controls[number + 1 :]
        ends_ms = min((each.acknowledged_ms for each in later if each.acknowledged_ms is not None), default=None)
        if period.set_ms <= until_ms and (ends_ms is None or ends_ms >= since_ms):
            values.append(period.limits.get(name))
    known = [Decimal(value) for value in values if value is not None]
    return max(known) if values and len(known) == len(values) else None


def may_be_halted(controls: Sequence[ControlPeriod], at_ms: int) -> bool:
    """Return whether Halted, which cancels everything, may have been in force: until a later control was confirmed."""
    for number, period in enumerate(controls):
        later = [each.acknowledged_ms for each in controls[number + 1 :] if each.acknowledged_ms is not None]
        ends_ms = min(later, default=None)
        over = ends_ms is not None and at_ms > ends_ms + LATE_ARRIVAL_MS
        if period.trading == "Halted" and period.set_ms <= at_ms and not over:
            return True
    return False


def list_confirmed(controls: Sequence[ControlPeriod], trading: str) -> list[tuple[int, float]]:
    """Return from when until when that trading was in force for certain."""
    times: list[tuple[int, float]] = []
    for number, period in enumerate(controls):
        if period.trading == trading and period.acknowledged_ms is not None:
            later = controls[number + 1 :]
            until = next((each.set_ms for each in later if each.trading != trading), None)
            times.append((period.acknowledged_ms, until if until is not None else float("inf")))
    return times
