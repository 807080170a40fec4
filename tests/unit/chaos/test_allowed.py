"""The judge of price bands and symbol lists: only what no price of the time and no list allows is accused."""

from dataclasses import replace
from decimal import Decimal

import pytest

from stockade_gateway.market import STALE_SECONDS
from tests.chaos.allowed import BAND, QUOTE_AGE_MS, find_orders_of_unlisted_symbols, find_orders_outside_band
from tests.chaos.evidence import Candle, ControlPeriod, Evidence
from tests.support.chaos_evidence import BEGAN_MS, PREFIX, RESTING, make_evidence, write_order, write_request

AT_MS = BEGAN_MS + 2 * QUOTE_AGE_MS
OWN = f"{PREFIX}9"
ROOM = Decimal("1.0005")


def with_price(price: str, low: str = "100", high: str = "100", **terms: str) -> Evidence:
    """A run in which BTC was worth this much, and an order at a price under a band of 2 %."""
    good = make_evidence()
    candles = [Candle(BEGAN_MS + 1000 * second, Decimal(100), Decimal(100)) for second in range(300)]
    candles[120] = Candle(BEGAN_MS + 120_000, Decimal(low), Decimal(high))
    controls = [ControlPeriod(BEGAN_MS - 1000, BEGAN_MS - 900, "Active", {BAND: "2"})]
    sent = write_order(OWN, 9, AT_MS, price=price)
    sent[0]["parameters"] |= terms
    algorithm = replace(good.algorithms[0], controls=controls)
    return replace(good, entries=sent, algorithms=[algorithm], prices={"BTCUSDT": candles})


def accused(evidence: Evidence) -> list[str]:
    return [each.rule for each in find_orders_outside_band(evidence)]


def test_a_quote_may_be_as_old_as_the_gateway_lets_it_be() -> None:
    assert QUOTE_AGE_MS > STALE_SECONDS * 1000


@pytest.mark.parametrize("factor", [Decimal("0.98") / ROOM, Decimal("1.02") * ROOM])
def test_an_order_outside_of_the_band_is_seen(factor: Decimal) -> None:
    sign = 1 if factor > 1 else -1
    edge = 100 * factor
    assert accused(with_price(str(edge + sign * Decimal("0.01")))) == ["within the price band"]
    assert accused(with_price(str(edge - sign * Decimal("0.01")))) == []


def test_a_price_that_the_market_had_a_moment_ago_does_not_accuse() -> None:
    assert accused(with_price("97")) == ["within the price band"]
    assert accused(with_price("97", low="98")) == []
    assert accused(with_price("103", high="102")) == []
    assert accused(replace(with_price("97"), prices={})) == []


def test_a_stop_order_is_measured_from_its_own_trigger() -> None:
    assert accused(with_price("50", stopPrice="51")) == []
    assert accused(with_price("50", stopPrice="51.1")) == ["within the price band"]


def test_the_orders_of_a_list_are_measured_each_by_its_own_terms() -> None:
    evidence = with_price("100")
    names = {"aboveClientOrderId": OWN, "belowClientOrderId": f"{PREFIX}8", "listClientOrderId": f"{PREFIX}7"}
    terms = {"abovePrice": "101", "belowPrice": "60", "belowStopPrice": "61"}
    listed = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", **names}
    assert accused(replace(evidence, entries=[write_request("orderList.place.oco", AT_MS, **listed, **terms)])) == []
    wrong = {**terms, "belowStopPrice": "62"}
    (found,) = find_orders_outside_band(
        replace(evidence, entries=[write_request("orderList.place.oco", AT_MS, **listed, **wrong)])
    )
    assert f"{PREFIX}8" in found.text


def test_a_band_that_was_just_being_narrowed_does_not_accuse() -> None:
    evidence = with_price("98.5")
    (algorithm,) = evidence.algorithms
    for since_ms, seen_ms, found in ((AT_MS - 50, AT_MS + 50, []), (AT_MS - 70_000, AT_MS - 69_000, [BAND])):
        narrow = ControlPeriod(since_ms, seen_ms, "Active", {BAND: "1"})
        changed = replace(evidence, algorithms=[replace(algorithm, controls=[*algorithm.controls, narrow])])
        assert len(accused(changed)) == len(found)


def test_an_order_of_a_symbol_that_its_pods_list_lacked_is_seen() -> None:
    good = make_evidence()
    (algorithm,) = good.algorithms
    for lists, found in (
        ([(BEGAN_MS - 10, ("BTCUSDT",))], 0),
        ([(BEGAN_MS - 10, ("ETHUSDT",))], 2),
        ([(BEGAN_MS - 10, ("BTCUSDT",)), (BEGAN_MS + 50, ("ETHUSDT",))], 1),
        # The pod that had it on its list decided on it; it was only on its way when the next one began.
        ([(BEGAN_MS - 10, ("BTCUSDT",)), (BEGAN_MS + 100, ("ETHUSDT",))], 0),
    ):
        evidence = replace(good, algorithms=[replace(algorithm, symbols=lists)])
        assert len(list(find_orders_of_unlisted_symbols(evidence))) == found
    unwritten = [row for row in good.order_events if row["client_order_id"] != RESTING]
    # An order whose decision is not in the ledger may have been decided on a minute ago.
    for ended_ms, found in ((BEGAN_MS - 60_000, 2), (BEGAN_MS - 57_000, 1)):
        lists = [(BEGAN_MS - 90_000, ("BTCUSDT",)), (ended_ms, ("ETHUSDT",))]
        evidence = replace(good, algorithms=[replace(algorithm, symbols=lists)], order_events=unwritten)
        assert len(list(find_orders_of_unlisted_symbols(evidence))) == found
