"""Profit and loss: the three parts, and the identity that ties them to the money that moved."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_db.pnl import Method, compute_pnl

_START = datetime(2026, 1, 1, tzinfo=UTC)
D = Decimal
_NOTHING = D(0)
FIFO = Method.FIRST_IN_FIRST_OUT


@dataclass(frozen=True)
class Trade:
    """The least that PnL needs to know of a fill."""

    side: str
    quantity: Decimal
    price: Decimal
    commission: Decimal = _NOTHING
    commission_asset: str | None = None
    trade_time: datetime = _START


def _pnl(*trades: Trade, **rest: Any) -> Any:
    return compute_pnl(trades, base_asset="BTC", quote_asset="USDT", **rest)


def test_nothing_done_is_nothing_earned() -> None:
    pnl = _pnl()
    assert (pnl.quantity, pnl.realized, pnl.unrealized, pnl.fees) == (0, 0, 0, 0)
    assert pnl.average_price is None


def test_two_purchases_are_averaged_and_a_sale_keeps_the_average() -> None:
    pnl = _pnl(Trade("BUY", D(1), D(100)), Trade("BUY", D(3), D(200)), Trade("SELL", D(1), D(300)), mark_price=D(400))
    assert pnl.average_price == D(175)
    assert pnl.realized == D(125)
    assert pnl.unrealized == D(3) * (400 - 175)


def test_average_cost_and_first_in_first_out_differ_as_the_sdks_readme_says() -> None:
    readme = (Path(__file__).parents[3] / "algo-image/README.md").read_text()
    rows = re.findall(r"^\| (BUY|SELL) (\d+) at (\d+) \| (-?\d+) \| (-?\d+) \|$", readme, re.MULTILINE)
    trades: list[Trade] = []
    for side, quantity, price, by_average, by_first_in in rows:
        trades.append(Trade(side, D(quantity), D(price)))
        assert (_pnl(*trades).realized, _pnl(*trades, method=FIFO).realized) == (D(by_average), D(by_first_in))
    assert len(rows) == 4


def test_closing_whole_leaves_no_dust_of_rounding() -> None:
    pnl = _pnl(Trade("BUY", D(3), D(10)), Trade("BUY", D(4), D(11)), *[Trade("SELL", D(1), D(10))] * 7)
    assert (pnl.quantity, pnl.unrealized) == (0, 0)
    assert abs(pnl.realized - (70 - 74)) < D("1e-30")


def test_selling_more_than_held_opens_the_other_side() -> None:
    pnl = _pnl(Trade("BUY", D(1), D(100)), Trade("SELL", D(3), D(110)), mark_price=D(90))
    assert (pnl.quantity, pnl.average_price, pnl.realized) == (D(-2), D(110), D(10))
    assert pnl.unrealized == D(40)


def test_commission_in_the_base_asset_shrinks_the_holding_and_stays_a_fee() -> None:
    pnl = _pnl(Trade("BUY", D(1), D(100), D("0.001"), "BTC"), mark_price=D(100))
    assert pnl.quantity == D("0.999")
    assert (pnl.average_price, pnl.realized, pnl.unrealized) == (100, 0, 0)
    assert pnl.fees == D("0.1")
    assert pnl.fees_by_asset == {"BTC": D("0.001")}


def test_a_third_assets_fee_is_unknown_without_its_price() -> None:
    trade = Trade("BUY", D(1), D(100), D("0.01"), "BNB")
    assert _pnl(trade).fees is None
    assert _pnl(trade).fees_by_asset == {"BNB": D("0.01")}
    assert _pnl(trade, asset_prices={"BNB": D(600)}).fees == D(6)


def test_a_days_result_needs_the_cost_of_earlier_days() -> None:
    today = _START + timedelta(days=1)
    pnl = _pnl(
        Trade("BUY", D(2), D(100), D(1), "USDT"),
        Trade("SELL", D(1), D(150), D(2), "USDT"),
        Trade("SELL", D(1), D(90), D(4), "USDT", trade_time=today),
        since=today,
    )
    assert (pnl.realized, pnl.fees) == (D(-10), D(4))


def test_without_a_price_the_unrealised_part_is_unknown() -> None:
    assert _pnl(Trade("BUY", D(1), D(100))).unrealized is None


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(ValueError, match="BUY or SELL"):
        _pnl(Trade("LONG", D(1), D(100)))


_AMOUNT = st.decimals("0.00000001", "1000", places=8)
_TRADES = st.lists(
    st.builds(
        Trade,
        side=st.sampled_from(["BUY", "SELL"]),
        quantity=_AMOUNT,
        price=_AMOUNT,
        commission=st.decimals("0", "1", places=8),
        commission_asset=st.sampled_from(["BTC", "USDT"]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("method", Method)
@given(trades=_TRADES, mark=_AMOUNT)
def test_the_parts_add_up_to_the_money_that_moved(method: Method, trades: list[Trade], mark: Decimal) -> None:
    base = quote = D(0)
    for trade in trades:
        sign = 1 if trade.side == "BUY" else -1
        base += sign * trade.quantity
        quote -= sign * trade.quantity * trade.price
        if trade.commission_asset == "BTC":
            base -= trade.commission
        else:
            quote -= trade.commission
    pnl = _pnl(*trades, mark_price=mark, method=method)
    assert pnl.quantity == base
    assert abs(pnl.realized + pnl.unrealized - pnl.fees - (base * mark + quote)) < D("1e-12")
