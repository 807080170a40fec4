"""The judge of an account's own limits: what all its algorithms could come to, together, whenever one took on more.

Apart from the rules about one algorithm because every lease of the account is at stake in each of these moments.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.chaos.evidence import AlgorithmEvidence, Evidence, Violation
from tests.chaos.in_force import RATE_WINDOW_MS, find_loosest_limit, index_decisions, measure_worst
from tests.chaos.manual import describe_person
from tests.chaos.replay import PLACEMENTS, ZERO, Placement, Standing, find_lowest_prices, play_together

# As it stands among an algorithm's limits in the evidence.
ACCOUNT_EXPOSURE = "account maxExposure"
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class Growth:
    """One order that let an algorithm's worst case grow, and what the whole account's was with it."""

    algorithm: AlgorithmEvidence
    client_order_id: str
    time_ms: int
    exposure: Decimal
    limit: Decimal


def find_passed_account_limits(evidence: Evidence) -> Iterator[Violation]:
    """At no moment has an order been taken in with which all algorithms of its account passed the account's limit."""
    for growth in list_growths(evidence):
        if growth.exposure > growth.limit:
            text = (
                f"{growth.client_order_id} at {growth.time_ms}: {ACCOUNT_EXPOSURE} {growth.limit} was passed by all "
                f"algorithms of account {growth.algorithm.account} together: {growth.exposure}"
            )
            yield Violation("never past an account's limit", growth.algorithm.name, text)
    # A REST request may be refused for the address' weight; these are counted by account.
    asked = {
        entry["number"]: entry
        for entry in evidence.entries
        if entry["kind"] == "request" and entry["name"] in PLACEMENTS and entry.get("door") == "websocket-api"
    }
    for entry in evidence.entries:
        if entry["kind"] == "reply" and entry["status"] == TOO_MANY_REQUESTS and entry["request"] in asked:
            number = asked[entry["request"]]["parameters"].get("newClientOrderId", "")
            text = f"{number} at {entry['timeMs']}: the exchange had too many orders of the account"
            yield Violation("never past an account's limit", "", text)


def list_growths(evidence: Evidence) -> Iterator[Growth]:
    """Yield each order with which its algorithm could come to hold more, where its account had a limit for certain.

    Valued at the lowest prices of the run. The limit is the loosest that the algorithm's own gateway may have known of:
    it answers for its order, whatever the others knew.
    """
    lowest, decided = find_lowest_prices(evidence.entries), index_decisions(evidence)
    for account, algorithms in group_by_account(evidence).items():
        entries = [entry for entry in evidence.entries if entry.get("account") == account]
        for time_ms, prefix, placement, standings in play_together(entries, algorithms):
            if placement is None:
                continue
            before, after = measure_worst(placement, standings[prefix])
            at_ms = decided.get(placement.client_order_id, time_ms)
            since_ms = at_ms if placement.client_order_id in decided else at_ms - RATE_WINDOW_MS
            limit = find_loosest_limit(algorithms[prefix], ACCOUNT_EXPOSURE, since_ms, at_ms)
            if after > before and limit is not None:
                exposure = _value_all(standings, prefix, placement, lowest)
                yield Growth(algorithms[prefix], placement.client_order_id, time_ms, exposure, limit)


def group_by_account(evidence: Evidence) -> dict[int, dict[str, AlgorithmEvidence]]:
    """Return who trades on each account, by the prefix of their orders; a person there is one of them."""
    accounts: dict[int, dict[str, AlgorithmEvidence]] = defaultdict(dict)
    people = [describe_person(each) for each in evidence.manual]
    for algorithm in (*evidence.algorithms, *people):
        accounts[algorithm.account][algorithm.prefix] = algorithm
    return accounts


def _value_all(
    standings: dict[str, Standing], prefix: str, placement: Placement, lowest: dict[str, Decimal]
) -> Decimal:
    """Add up everybody's worst case; the order counts whole, however much of it was filled at once."""
    total = ZERO
    for owner, standing in standings.items():
        for symbol in {other.symbol for other, _ in standing.open.values()} | standing.held.keys() | {placement.symbol}:
            is_new = owner == prefix and symbol == placement.symbol
            worst = measure_worst(placement, standing)[1] if is_new else standing.worst(symbol)
            total += worst * lowest.get(symbol, ZERO)
    return total
