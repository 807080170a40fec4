"""Regimes of the synthetic market, and a recording that is played in a loop."""

from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from stockade_paper.errors import ConfigurationError
from stockade_paper.feeds import replay, synthetic
from stockade_paper.feeds.regimes import REGIME_NAMES, REGIMES, Regime, Regimes
from stockade_paper.feeds.synthetic import CHARACTERS, STEP_SECONDS, SyntheticMarket
from stockade_paper.instruments import INSTRUMENTS
from stockade_paper.market_events import BookChange, MarketTrade

MINUTE_STEPS = int(60 / STEP_SECONDS)


def make_market(seed: int = 7) -> SyntheticMarket:
    """Return a synthetic BTCUSDT."""
    return SyntheticMarket(INSTRUMENTS[0], CHARACTERS["BTCUSDT"], seed, 1.0, start_price=Decimal(60000))


def trade_prices(regime: str, minutes: int) -> list[Decimal]:
    """Return the prices at which a market trades in a regime."""
    market = make_market()
    events = [event for _ in range(minutes * MINUTE_STEPS) for event in market.advance(REGIMES[regime])]
    return [event.price for event in events if isinstance(event, MarketTrade)]


def test_calm_moves_and_trades_less_than_usual() -> None:
    calm, usual = trade_prices("calm", 5), trade_prices("usual", 5)
    assert max(calm) - min(calm) < (max(usual) - min(usual)) / 2
    assert len(calm) < len(usual)


def test_a_crash_falls_and_a_trend_rises() -> None:
    crash, usual = trade_prices("crash", 4), trade_prices("usual", 4)
    assert Decimal("0.88") < crash[-1] / crash[0] < Decimal("0.96")
    assert len(crash) > 2 * len(usual)
    trend = trade_prices("trending", 20)
    assert trend[-1] / trend[0] > Decimal("1.008")


@pytest.mark.parametrize("regime", REGIMES.values())
def test_no_regime_crosses_the_book(regime: Regime) -> None:
    market = make_market(3)
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    for _ in range(3 * MINUTE_STEPS):
        for event in market.advance(regime):
            if isinstance(event, BookChange):
                bids |= dict(event.bids)
                asks |= dict(event.asks)
        best = max(price for price, quantity in bids.items() if quantity)
        assert best < min(price for price, quantity in asks.items() if quantity)


def test_mixed_draws_the_same_days_from_the_same_seed() -> None:
    days = []
    for seed in (7, 7, 8):
        regimes = Regimes("mixed", seed)
        day = []
        for _ in range(24 * 60):
            regimes.pass_time(60)
            day.append(regimes.current)
        days.append(day)
    assert days[0] == days[1] != days[2]
    assert set(days[0]) == set(REGIMES.values())


def test_a_regime_can_be_chosen_while_it_runs() -> None:
    regimes = Regimes("usual", 1)
    played = synthetic.play([make_market()], Decimal(1), regimes)
    list(islice(played, 50))
    regimes.choose("crash")
    assert regimes.current == REGIMES["crash"]
    with pytest.raises(ConfigurationError, match=f"regime: 'x' is unknown; write one of {', '.join(REGIME_NAMES)}"):
        regimes.choose("x")


def test_a_loop_goes_on_with_times_and_ids(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(
        "time,trade_id,price,quantity,buyer_maker\n1000,7,100,1,true\n3000,9,101,2,false\n", encoding="utf-8"
    )
    recording = replay.read_recording(path, None, "BTCUSDT")
    played = list(islice(replay.play(recording, Decimal(2), is_looped=True), 5))
    assert [due for due, _ in played] == [0.0, 1.0, 1.5, 2.5, 3.0]
    trades = [event for _, events in played for event in events if isinstance(event, MarketTrade)]
    assert [trade.trade_id for trade in trades] == [7, 9, 10, 12, 13]
    assert [str(trade.price) for trade in trades] == ["100", "101", "100", "101", "100"]
    assert len(list(replay.play(recording, Decimal(2)))) == 2
