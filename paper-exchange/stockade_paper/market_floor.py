"""Builds the markets and the feed that moves them, as the settings say; apart because each feed needs its own books."""

import time
from dataclasses import dataclass

from stockade_paper.book import Book
from stockade_paper.errors import ConfigurationError
from stockade_paper.exchange import Exchange
from stockade_paper.feeds import replay, synthetic
from stockade_paper.feeds.binance import BinanceFeed, Source
from stockade_paper.feeds.player import Feed, Player
from stockade_paper.feeds.regimes import Regimes
from stockade_paper.fees import FeeSchedule
from stockade_paper.journal import read_prices
from stockade_paper.market import Market
from stockade_paper.settings import Settings

TRADE_ID_EPOCH_SECONDS = 1_600_000_000
TRADE_IDS_PER_SECOND = 100
EXECUTION_IDS_PER_MILLISECOND = 10


@dataclass(frozen=True)
class MarketFloor:
    """An exchange and what moves its markets; only a synthetic one has regimes."""

    exchange: Exchange
    feed: Feed
    regimes: Regimes | None = None


def read_clock() -> int:
    """Return the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def build_floor(settings: Settings) -> MarketFloor:
    """Build markets, exchange and feed as the settings say."""
    fees = FeeSchedule(settings.maker_fee, settings.taker_fee)
    if settings.feed == "replay":
        return _build_replay(settings, fees)
    if settings.feed == "binance":
        return _build_binance(settings, fees)
    return _build_synthetic(settings, fees)


def _build_replay(settings: Settings, fees: FeeSchedule) -> MarketFloor:
    if settings.trades is None:
        raise ConfigurationError("trades: a replay needs a recording; write --trades FILE.csv")
    known = {listing.instrument.symbol: listing.instrument for listing in settings.symbols}
    instrument = known.get(settings.replay_symbol)
    if instrument is None:
        raise ConfigurationError(
            f"replay_symbol: '{settings.replay_symbol}' is unknown; write one of {', '.join(known)}"
        )
    recording = replay.read_recording(settings.trades, settings.quotes, instrument.symbol)
    book = Book(has_full_depth=False)
    market = Market(instrument, book, prints_own_trades=False, first_trade_id=_first_trade_id())
    exchange = Exchange([market], fees, read_clock, first_execution_id=_first_execution_id())
    events = replay.play(recording, settings.speed, is_looped=settings.loop)
    return MarketFloor(exchange, Player("replay", exchange, events))


def _build_binance(settings: Settings, fees: FeeSchedule) -> MarketFloor:
    markets = [
        Market(each.instrument, Book(has_full_depth=True), prints_own_trades=False, first_trade_id=_first_trade_id())
        for each in settings.symbols
    ]
    exchange = Exchange(markets, fees, read_clock, first_execution_id=_first_execution_id())
    source = Source(settings.source_rest.rstrip("/"), settings.source_streams.rstrip("/"))
    return MarketFloor(exchange, BinanceFeed(exchange, source, settings.history_minutes))


def _build_synthetic(settings: Settings, fees: FeeSchedule) -> MarketFloor:
    markets: list[Market] = []
    sources: list[synthetic.SyntheticMarket] = []
    now = read_clock()
    prices = read_prices(settings.state) if settings.state is not None else {}
    for listing in settings.symbols:
        instrument, character = listing.instrument, listing.character
        start_price = prices.get(instrument.symbol, character.start_price)
        source = synthetic.SyntheticMarket(
            instrument, character, settings.seed, float(settings.activity), start_price=start_price
        )
        first = _first_trade_id()
        market = Market(instrument, Book(has_full_depth=True), prints_own_trades=True, first_trade_id=first)
        history = source.preload(settings.history_minutes, now, first)
        market.candles.preload(history)
        if history:
            market.last_price = history[-1].close
        markets.append(market)
        sources.append(source)
    exchange = Exchange(markets, fees, read_clock, first_execution_id=_first_execution_id())
    for source in sources:
        for event in source.advance():
            exchange.apply_feed(event)
    regimes = Regimes(settings.regime, settings.seed)
    events = synthetic.play(sources, settings.speed, regimes)
    return MarketFloor(exchange, Player("synthetic", exchange, events), regimes)


def _first_trade_id() -> int:
    """Begin where no earlier run can have been: ids never repeat over restarts."""
    return (int(time.time()) - TRADE_ID_EPOCH_SECONDS) * TRADE_IDS_PER_SECOND


def _first_execution_id() -> int:
    """Begin above what any earlier run can have needed: execution ids rise over restarts."""
    return read_clock() * EXECUTION_IDS_PER_MILLISECOND
