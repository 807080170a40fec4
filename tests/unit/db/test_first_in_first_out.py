"""Profit by first in, first out: against the textbook in fractions, and what must not depend on how trades came."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_db.pnl import Holding, Method, Pnl, compute_pnl, follow_fills
from tests.unit.db.test_pnl import _START, D, Trade

FIFO = Method.FIRST_IN_FIRST_OUT
# Averages are divided with 76 digits; the product of two amounts of the ledger has at most 36 behind the point.
LAST_DIGIT = Fraction(1, 10**36)
AMOUNTS = st.decimals("0.000000000000000001", "90000", places=18)
TRADES = st.lists(
    st.builds(
        Trade,
        side=st.sampled_from(["BUY", "SELL"]),
        quantity=AMOUNTS,
        price=AMOUNTS,
        commission=st.one_of(st.just(D(0)), st.decimals("0", "10", places=18)),
        commission_asset=st.sampled_from(["BTC", "USDT", "BNB"]),
    ),
    max_size=25,
)


def follow(
    trades: Iterable[Trade], method: Method = FIFO, again: Iterable[Trade] | None = None
) -> Iterator[tuple[Trade, Holding]]:
    return follow_fills(trades, base_asset="BTC", quote_asset="USDT", method=method, again=again)


def holding_after(trades: list[Trade], method: Method = FIFO) -> Holding:
    holding = Holding()
    for _, holding in follow(trades, method):  # noqa: B007 - the last one
        pass
    return holding


def close_of(trades: list[Trade]) -> Trade | None:
    """Return the trade that closes what is held after them."""
    held = holding_after(trades).quantity
    return Trade("SELL" if held > 0 else "BUY", abs(held), D("123.456789")) if held else None


def recompute(trades: list[Trade]) -> tuple[Fraction, Fraction, Fraction]:
    """Return what is held, what it cost and what was realised: a queue of lots, in exact fractions."""
    lots: deque[tuple[Fraction, Fraction]] = deque()
    realized = Fraction(0)
    for trade in trades:
        left = Fraction(trade.quantity) * (1 if trade.side == "BUY" else -1)
        left -= Fraction(trade.commission) if trade.commission_asset == "BTC" else 0
        price = Fraction(trade.price)
        while left and lots and lots[0][0] * left < 0:
            lot, paid = lots.popleft()
            part = min(abs(lot), abs(left)) * (1 if lot > 0 else -1)
            realized += part * (price - paid)
            left += part
            if lot != part:
                lots.appendleft((lot - part, paid))
        if left:
            lots.append((left, price))
    return sum((lot for lot, _ in lots), Fraction(0)), sum((lot * paid for lot, paid in lots), Fraction(0)), realized


@given(TRADES)
def test_it_is_the_textbooks_to_the_last_digit(trades: list[Trade]) -> None:
    for count in range(len(trades) + 1):
        found = holding_after(trades[:count])
        assert tuple(map(Fraction, (found.quantity, found.cost, found.realized))) == recompute(trades[:count])


@given(TRADES)
def test_when_all_is_sold_both_methods_have_realised_the_same(trades: list[Trade]) -> None:
    closing = close_of(trades)
    whole = [*trades, closing] if closing else trades
    first_in, average = (holding_after(whole, method) for method in (FIFO, Method.AVERAGE_COST))
    assert (first_in.quantity, first_in.cost) == (D(0), D(0))
    assert round(Fraction(average.realized) / LAST_DIGIT) * LAST_DIGIT == Fraction(first_in.realized)


@given(TRADES)
def test_fees_and_what_is_held_do_not_depend_on_the_method(trades: list[Trade]) -> None:
    first_in, average = (holding_after(trades, method) for method in (FIFO, Method.AVERAGE_COST))
    assert first_in.quantity == average.quantity
    assert (first_in.fees, first_in.fees_quote) == (average.fees, average.fees_quote)
    # Whatever was not realised is still in what is held.
    spent_first_in, spent_average = (Fraction(each.cost) - Fraction(each.realized) for each in (first_in, average))
    assert abs(spent_first_in - spent_average) < LAST_DIGIT


@given(TRADES, st.data())
def test_a_fill_in_parts_is_as_the_whole(trades: list[Trade], data: st.DataObject) -> None:
    parts: list[Trade] = []
    for trade in trades:
        share = data.draw(st.sampled_from([D(0), D("0.25"), D("0.5")]))
        first, paid = ((amount * share).quantize(D("1e-18")) for amount in (trade.quantity, trade.commission))
        parts.append(replace(trade, quantity=first, commission=paid))
        parts.append(replace(trade, quantity=trade.quantity - first, commission=trade.commission - paid))
    assert holding_after(parts) == holding_after(trades)


@given(TRADES, st.data())
def test_the_order_of_trades_counts_only_while_something_is_held(trades: list[Trade], data: st.DataObject) -> None:
    closing = close_of(trades)
    whole = [*trades, closing] if closing else trades
    shuffled = data.draw(st.permutations(whole))
    found, expected = holding_after(shuffled), holding_after(whole)
    assert (found.quantity, found.cost, found.realized) == (D(0), D(0), expected.realized)


@given(TRADES)
def test_a_short_sale_is_the_mirror_of_a_purchase(trades: list[Trade]) -> None:
    plain = [replace(trade, commission_asset="USDT") for trade in trades]
    mirrored = [replace(trade, side="SELL" if trade.side == "BUY" else "BUY") for trade in plain]
    one, other = holding_after(plain), holding_after(mirrored)
    assert one.quantity == other.quantity.copy_negate()
    assert one.cost == other.cost.copy_negate()
    assert one.realized == other.realized.copy_negate()


@given(TRADES)
def test_reading_the_fills_a_second_time_is_as_keeping_them(trades: list[Trade]) -> None:
    kept = list(follow(iter(trades)))
    assert list(follow(iter(trades), again=iter(trades))) == kept


def test_the_second_reading_goes_only_as_far_as_sales_have_come() -> None:
    read: list[Decimal] = []

    def again() -> Iterator[Trade]:
        for trade in trades:
            read.append(trade.price)
            yield trade

    trades = [Trade("BUY", D(1), D(100 + number)) for number in range(1000)]
    trades.append(Trade("SELL", D("2.5"), D(200)))
    followed = follow(trades, again=again())
    for _ in range(1000):
        next(followed)
    assert read == []
    _, holding = next(followed)
    assert read == [100, 101, 102]
    assert holding.realized == 100 + 99 + D("0.5") * 98


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        # A sale larger than what is held closes every lot and opens the other side at its price.
        ([("BUY", 1, 100), ("BUY", 1, 200), ("SELL", 3, 150)], (-1, -150, 0)),
        ([("SELL", 2, 100), ("SELL", 1, 130), ("BUY", 2, 90)], (-1, -130, 20)),
        ([("BUY", 2, 10), ("SELL", 1, 15), ("BUY", 1, 30), ("SELL", 1, 15)], (1, 30, 10)),
    ],
)
def test_by_hand(trades: list[tuple[str, int, int]], expected: tuple[int, int, int]) -> None:
    found = holding_after([Trade(side, D(quantity), D(price)) for side, quantity, price in trades])
    assert [found.quantity, found.cost, found.realized] == list(map(D, expected))


def test_a_day_is_measured_by_the_lots_of_the_days_before() -> None:
    today = _START + timedelta(days=1)
    trades = [
        Trade("BUY", D(1), D(100)),
        Trade("BUY", D(1), D(200)),
        Trade("SELL", D(1), D(180)),
        Trade("SELL", D(1), D(160), D(1), "BNB", trade_time=today),
    ]
    found: Pnl = compute_pnl(trades, base_asset="BTC", quote_asset="USDT", method=FIFO, since=today)
    assert (found.realized, found.fees, found.fees_by_asset) == (D(-40), None, {"BNB": D(1)})
