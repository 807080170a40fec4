"""Feeds: a recording is checked line by line, the synthetic market is reproducible and its history fits its present."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from stockade_paper.errors import ConfigurationError
from stockade_paper.feeds.replay import play, read_recording
from stockade_paper.feeds.synthetic import CHARACTERS, SyntheticMarket
from stockade_paper.instruments import INSTRUMENTS
from stockade_paper.market_events import BookChange, MarketTrade

TRADES = "time,trade_id,price,quantity,buyer_maker\n"
QUOTES = "time,bid,bid_size,ask,ask_size\n"
NOW_MS = 1_700_000_000_000


def write(folder: Path, name: str, text: str) -> Path:
    """Write a CSV file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_recording_is_played_in_time_order_with_quotes_first(tmp_path: Path) -> None:
    trades = write(tmp_path, "trades.csv", TRADES + "1000,7,100.5,0.1,true\n3000,8,100.6,0.2,false\n")
    quotes = write(tmp_path, "quotes.csv", QUOTES + "1000,100,1,101,2\n")
    played = list(play(read_recording(trades, quotes, "BTCUSDT"), Decimal(2)))
    assert [due for due, _ in played] == [0.0, 0.0, 1.0]
    events = [event for _, batch in played for event in batch]
    assert isinstance(events[0], BookChange)
    assert events[1:] == [
        MarketTrade("BTCUSDT", Decimal("100.5"), Decimal("0.1"), buyer_maker=True, trade_id=7),
        MarketTrade("BTCUSDT", Decimal("100.6"), Decimal("0.2"), buyer_maker=False, trade_id=8),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("time,price\n", r"line 1: write the header 'time,trade_id,price,quantity,buyer_maker'"),
        (TRADES, r"no row below the header"),
        (TRADES + "1,1,100,1,true\n2,2,abc,1,true\n", r"line 3: price is 'abc'; write a decimal number above zero"),
        (TRADES + "1,1,100,-1,true\n", r"line 2: quantity is '-1'; write a decimal number above zero"),
        (TRADES + "1,1,100,1,yes\n", r"line 2: buyer_maker is 'yes'; write true or false"),
        (TRADES + "1.5,1,100,1,true\n", r"line 2: time is '1.5'; write a whole number"),
        (TRADES + "1,1,100\n", r"line 2: buyer_maker is 'None'; write true or false"),
        (TRADES + "5,1,100,1,true\n4,2,100,1,true\n", r"line 3: time goes back; sort the rows by time"),
    ],
)
def test_bad_trades_name_the_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, "trades.csv", text)
    with pytest.raises(ConfigurationError, match=complaint):
        read_recording(path, None, "BTCUSDT")


def test_crossed_quote_names_the_line(tmp_path: Path) -> None:
    trades = write(tmp_path, "trades.csv", TRADES + "1,1,100,1,true\n")
    quotes = write(tmp_path, "quotes.csv", QUOTES + "1,102,1,101,1\n")
    with pytest.raises(ConfigurationError, match="line 2: bid 102 is not below ask 101"):
        read_recording(trades, quotes, "BTCUSDT")


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name an existing CSV file"):
        read_recording(tmp_path / "none.csv", None, "BTCUSDT")


def make_market(seed: int) -> SyntheticMarket:
    """Return a synthetic BTCUSDT."""
    return SyntheticMarket(INSTRUMENTS[0], CHARACTERS["BTCUSDT"], seed, 1.0, start_price=Decimal(60000))


def test_same_seed_gives_the_same_market() -> None:
    one, same, other = make_market(7), make_market(7), make_market(8)
    events = [[market.advance() for _ in range(50)] for market in (one, same, other)]
    assert events[0] == events[1]
    assert events[0] != events[2]


def test_history_ends_where_the_market_begins() -> None:
    market = make_market(7)
    candles = market.preload(60, NOW_MS, 1_000_000)
    assert candles[-1].close == Decimal(60000)
    assert candles[-1].last_trade_id == 999_999
    for before, after in pairwise(candles):
        assert (after.open_ms - before.open_ms, after.open) == (60_000, before.close)
        assert after.low <= min(after.open, after.close) <= max(after.open, after.close) <= after.high


def test_book_is_never_crossed_and_prices_are_on_ticks() -> None:
    market = make_market(3)
    levels: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
    for _ in range(300):
        for event in market.advance():
            if isinstance(event, MarketTrade):
                assert event.price % Decimal("0.01") == 0
                assert event.quantity % Decimal("0.00001") == 0
                continue
            for side, changes in (("bids", event.bids), ("asks", event.asks)):
                levels[side] |= dict(changes)
        bids = [price for price, quantity in levels["bids"].items() if quantity > 0]
        asks = [price for price, quantity in levels["asks"].items() if quantity > 0]
        assert max(bids) < min(asks)
        assert min(len(bids), len(asks)) >= 20
