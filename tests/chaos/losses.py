"""The judge of `maxDailyLoss`: who took on more although the day's loss had reached the limit, alone or on an account.

Apart from the rules about sizes because a loss is a matter of prices and of time. A gateway learns of another's loss
second by second, and of its own fills as they are told to it; so each one's loss counts as the smallest that it was
within a while, at the best prices there were meanwhile. What is left of it was known to everybody.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from tests.chaos.account_limits import group_by_account
from tests.chaos.evidence import AlgorithmEvidence, Evidence, Violation
from tests.chaos.in_force import RATE_WINDOW_MS, find_loosest_limit, index_decisions, measure_worst
from tests.chaos.prices import Prices
from tests.chaos.replay import ZERO, Standing, play_together

# As they stand among an algorithm's limits in the evidence.
OWN_LOSS, ACCOUNT_LOSS = "maxDailyLoss", "account maxDailyLoss"
# Longer than a gateway stays frozen or away, starts, hears of its fills and reports, and a lease is valid.
LAG_MS = 60_000


@dataclass(frozen=True)
class LossGrowth:
    """One order that took on more under a limit of losses, and what had certainly been lost by then."""

    algorithm: AlgorithmEvidence
    client_order_id: str
    time_ms: int
    limit_name: str
    loss: Decimal
    limit: Decimal


@dataclass
class _Past:
    """What one held and had spent, by when it was known."""

    states: deque[tuple[int, Decimal, dict[str, Decimal]]] = field(default_factory=lambda: deque([(0, ZERO, {})]))

    def note(self, time_ms: int, standing: Standing) -> None:
        _, spent, held = self.states[-1]
        if (spent, held) != (standing.spent, standing.held):
            self.states.append((time_ms, standing.spent, dict(standing.held)))

    def measure(self, since_ms: int, prices: Prices, until_ms: int) -> Decimal | None:
        """Return the smallest loss between two times; None where a price is missing."""
        while len(self.states) > 1 and self.states[1][0] <= since_ms:
            self.states.popleft()
        losses = []
        for _, spent, held in self.states:
            worth = ZERO
            for symbol, quantity in held.items():
                price = prices.find_best(symbol, since_ms, until_ms, is_long=quantity > 0) if quantity else ZERO
                if price is None:
                    return None
                worth += quantity * price
            losses.append(spent - worth)
        return min(losses)


def find_passed_loss_limits(evidence: Evidence) -> Iterator[Violation]:
    """Once a day's loss has reached its limit, for all to know, nothing is decided on that takes on more."""
    for growth in list_loss_growths(evidence):
        if growth.loss >= growth.limit:
            text = (
                f"{growth.client_order_id} at {growth.time_ms} took on more: {growth.limit_name} is {growth.limit}, "
                f"lost were {growth.loss}"
            )
            yield Violation("never past a limit of losses", growth.algorithm.name, text)


def list_loss_growths(evidence: Evidence) -> Iterator[LossGrowth]:
    """Yield each order that took on more while there was a limit of losses for certain, its own and the account's."""
    prices, decided = Prices(evidence.prices), index_decisions(evidence)
    days = {_find_day(entry["timeMs"]) for entry in (*evidence.entries[:1], *evidence.entries[-1:])}
    if len(days) != 1:
        return  # What was lost before midnight is yesterday's.
    for account, algorithms in group_by_account(evidence).items():
        past = {prefix: _Past() for prefix in algorithms}
        entries = [entry for entry in evidence.entries if entry.get("account") == account]
        for time_ms, prefix, placement, standings in play_together(entries, algorithms):
            for owner, standing in standings.items():
                past[owner].note(time_ms, standing)
            if placement is None:
                continue
            before, after = measure_worst(placement, standings[prefix])
            if after <= before:
                continue
            at_ms = decided.get(placement.client_order_id, time_ms)
            limit_since_ms = at_ms if placement.client_order_id in decided else at_ms - RATE_WINDOW_MS
            for name, owners in ((OWN_LOSS, [prefix]), (ACCOUNT_LOSS, list(past))):
                limit = find_loosest_limit(algorithms[prefix], name, limit_since_ms, at_ms)
                if limit is None:
                    continue
                losses = [past[owner].measure(at_ms - LAG_MS, prices, time_ms) for owner in owners]
                loss = None if None in losses else sum((each for each in losses if each is not None), ZERO)
                if loss is not None:
                    yield LossGrowth(algorithms[prefix], placement.client_order_id, time_ms, name, loss, limit)


def _find_day(time_ms: int) -> date:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()
