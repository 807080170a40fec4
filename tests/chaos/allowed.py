"""The judge of what an order may be about and at what price: the algorithm's symbols, and its band around the market.

Apart from the rules about sizes because both are about one order alone. A gateway measures the band from the last quote
it heard, which may be a minute old (`STALE_SECONDS` of its market) and have waited for it while it stood still; so an
order is accused only if no price of all that time allows it. A stop order is measured from its own trigger, exactly.
"""

from collections.abc import Iterator
from decimal import Decimal

from tests.chaos.evidence import AlgorithmEvidence, Evidence, Violation
from tests.chaos.in_force import RATE_WINDOW_MS, find_loosest_limit, index_decisions
from tests.chaos.prices import Prices
from tests.chaos.replay import Placement, list_placements

BAND = "priceBandPercent"
# How old a quote may be for the gateway, and how long the schedule lets a gateway or its messages stand still.
QUOTE_AGE_MS = 60_000 + 15_000
# A candle has the second it began at.
_CANDLE_MS = 1_000


def find_orders_outside_band(evidence: Evidence) -> Iterator[Violation]:
    """No order was sent at a price further from the market, as its gateway may have seen it, than its band allows."""
    prices, decided = Prices(evidence.prices), index_decisions(evidence)
    for algorithm, placement in _list_own(evidence):
        if placement.price is None:
            continue
        at_ms = decided.get(placement.client_order_id, placement.time_ms)
        since_ms = at_ms if placement.client_order_id in decided else at_ms - RATE_WINDOW_MS
        percent = find_loosest_limit(algorithm, BAND, since_ms, at_ms)
        span = _find_references(placement, prices, since_ms, at_ms)
        if percent is None or span is None:
            continue
        lowest, highest = span[0] * (1 - percent / 100), span[1] * (1 + percent / 100)
        if not lowest <= placement.price <= highest:
            text = (
                f"{placement.client_order_id} at {at_ms}: {BAND} {percent} allows {lowest:.8f} to {highest:.8f}, "
                f"its price was {placement.price}"
            )
            yield Violation("within the price band", algorithm.name, text)


def find_orders_of_unlisted_symbols(evidence: Evidence) -> Iterator[Violation]:
    """No order was sent of a symbol that was not on the list of the pod that sent it."""
    decided = index_decisions(evidence)
    for algorithm, placement in _list_own(evidence):
        at_ms = decided.get(placement.client_order_id, placement.time_ms)
        since_ms = at_ms if placement.client_order_id in decided else at_ms - RATE_WINDOW_MS
        if algorithm.symbols and placement.symbol not in _list_symbols(algorithm, since_ms, at_ms):
            text = f"{placement.client_order_id} at {at_ms} was of {placement.symbol}"
            yield Violation("only listed symbols", algorithm.name, text)


def _list_own(evidence: Evidence) -> Iterator[tuple[AlgorithmEvidence, Placement]]:
    placements = list_placements(evidence.entries)
    for algorithm in evidence.algorithms:
        for placement in placements:
            if placement.client_order_id.startswith(algorithm.prefix):
                yield algorithm, placement


def _find_references(
    placement: Placement, prices: Prices, since_ms: int, until_ms: int
) -> tuple[Decimal, Decimal] | None:
    """Return the lowest and the highest price that the band may have been measured from."""
    if placement.stop_price is not None:
        return placement.stop_price, placement.stop_price
    return prices.find_span(placement.symbol, since_ms - QUOTE_AGE_MS, until_ms + _CANDLE_MS)


def _list_symbols(algorithm: AlgorithmEvidence, since_ms: int, until_ms: int) -> set[str]:
    """Return every symbol that was on the list at some moment between two times."""
    symbols: set[str] = set()
    for number, (began_ms, listed) in enumerate(algorithm.symbols):
        later = algorithm.symbols[number + 1 :]
        if began_ms <= until_ms and (not later or later[0][0] >= since_ms):
            symbols |= set(listed)
    return symbols
