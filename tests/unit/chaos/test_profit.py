"""The judge of profit: average cost in exact fractions, and a ledger that is a digit away is objected to."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.chaos.evidence import Evidence
from tests.chaos.profit import Earnings, compute_earnings, find_wrong_profit, find_wrong_results
from tests.support.chaos_evidence import BEGAN_MS, PREFIX, make_evidence, write_position


def trade(side: str, quantity: str, price: str, fee: str = "0", asset: str = "USDT") -> dict[str, str]:
    return {"side": side, "quantity": quantity, "price": price, "commission": fee, "commission_asset": asset}


def earn(*trades: Mapping[str, Any]) -> Earnings:
    earnings = Earnings()
    for each in trades:
        earnings.take("BTCUSDT", each)
    return earnings


def test_a_third_of_what_was_bought_realises_exactly_its_cost() -> None:
    made = earn(trade("BUY", "1", "100"), trade("BUY", "2", "101"), trade("SELL", "1", "110"))
    assert (made.held, made.realized) == (Fraction(2), 110 - Fraction(302, 3))
    assert made.average_price == Fraction(302, 3)


def test_a_position_turns_from_long_to_short_and_back() -> None:
    made = earn(trade("BUY", "1", "100"), trade("SELL", "3", "110"), trade("BUY", "2.5", "107"))
    assert (made.held, made.realized, made.average_price) == (Fraction(1, 2), Fraction(16), Fraction(107))


def test_a_fee_in_the_base_asset_leaves_the_holding_and_one_in_a_third_asset_is_in_no_figure() -> None:
    bought = earn(trade("BUY", "1", "100", "0.01", "BTC"))
    assert (bought.held, bought.fees, bought.average_price) == (Fraction(99, 100), Fraction(1), Fraction(100))
    other = earn(trade("BUY", "1", "100", "0.01", "BNB"), trade("SELL", "1", "100", "2"))
    assert (other.held, other.fees, other.other_fees) == (Fraction(0), Fraction(2), True)


def run_of(*rows: tuple[str, str, str], realized: str, average: str | None) -> Evidence:
    """A run whose trades had this side, quantity and price, one after the other, and what the ledger says of them."""
    good = make_evidence()
    orders = [
        {"orderId": number, "clientOrderId": f"{PREFIX}{number}", "status": "FILLED"} for number in range(len(rows))
    ]
    fills = [
        {
            "symbol": "BTCUSDT", "id": number, "orderId": number, "isBuyer": side == "BUY", "isMaker": False,
            "price": price, "qty": quantity, "quoteQty": "0", "commission": "0.1", "commissionAsset": "USDT",
            "time": BEGAN_MS + number,
        }
        for number, (side, quantity, price) in enumerate(rows)
    ]  # fmt: skip
    account = {"account": 1001, "orders": orders, "fills": list(reversed(fills))}
    return replace(good, accounts=[account], positions=[write_position("0", average=average, realized=realized)])


FLIP = (("BUY", "3", "100"), ("BUY", "4", "101"), ("SELL", "8", "110"))
# What the first two cost, taken from what seven of the eight brought; the eighth opens the other side.
REALIZED, AVERAGE = Decimal(770 - 704), "110"


def test_the_exchanges_order_of_trades_counts_whatever_order_they_are_told_in() -> None:
    evidence = run_of(*FLIP, realized=str(REALIZED), average=AVERAGE)
    assert list(find_wrong_profit(evidence)) == []
    (earnings,) = compute_earnings(evidence, evidence.algorithms[0]).values()
    assert (earnings.held, earnings.fees) == (Fraction(-1), Fraction(3, 10))


@pytest.mark.parametrize(
    ("realized", "average"),
    [(REALIZED + Decimal("1e-18"), AVERAGE), (Decimal("65.9"), AVERAGE), (REALIZED, None), (REALIZED, "109.9")],
)
def test_a_ledger_that_is_a_digit_away_is_seen(realized: Decimal, average: str | None) -> None:
    found = list(find_wrong_profit(run_of(*FLIP, realized=str(realized), average=average)))
    assert [each.rule for each in found] == ["profit equal"]


def test_a_quotient_is_compared_at_the_last_digit_that_the_ledger_keeps() -> None:
    trades = (("BUY", "1", "100"), ("BUY", "2", "101"), ("SELL", "1", "110"))
    nearest = "100.666666666666666667"
    good = run_of(*trades, realized="9.333333333333333333", average=nearest)
    assert list(find_wrong_profit(good)) == []
    worse = run_of(*trades, realized="9.333333333333333334", average=nearest)
    assert len(list(find_wrong_profit(worse))) == 1


def test_the_days_results_add_up_to_the_trades_or_are_objected_to() -> None:
    evidence = run_of(*FLIP, realized=str(REALIZED), average=AVERAGE)
    days = [{"algorithm": "one", "realized_pnl": Decimal(part), "fees": Decimal("0.15")} for part in (60, 6)]
    assert list(find_wrong_results(replace(evidence, daily_results=days))) == []
    for wrong in ([], days[:1], [*days, {**days[0], "realized_pnl": Decimal(0), "fees": Decimal("0.001")}]):
        assert list(find_wrong_results(replace(evidence, daily_results=wrong)))
