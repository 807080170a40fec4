"""The binance feed: live public trades and depth of a real exchange, for paper trading on its prices.

Only public addresses are asked, without a key. While the source can't be reached the book is empty: an order is never
filled against a quote that may no longer stand.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp

from stockade_paper.candles import MINUTE_MS, Candle
from stockade_paper.exchange import Exchange
from stockade_paper.feeds.depth import DepthFollower
from stockade_paper.market import Market
from stockade_paper.market_events import BookChange, MarketEvent, MarketTrade

LOG = logging.getLogger(__name__)
SNAPSHOT_LEVELS = 1000
KLINES_PER_REQUEST = 1000
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
HEARTBEAT_SECONDS = 20.0
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=10)
BROKEN = (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError, ArithmeticError)


@dataclass(frozen=True)
class Source:
    """Where the real exchange is: `https://host` of REST and `wss://host:port` of the market streams."""

    rest: str
    streams: str


class BinanceFeed:
    """Follows the source until it is paused or stopped; a lost connection is opened again, ever more patiently."""

    name = "binance"

    def __init__(self, exchange: Exchange, source: Source, history_minutes: int) -> None:
        self.state = "waiting"
        self.applied = 0
        self._exchange = exchange
        self._source = source
        self._history_minutes = history_minutes
        self._has_history = False
        self._followers = {symbol: DepthFollower(symbol) for symbol in exchange.markets}
        self._snapshots: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow, or go on after a pause."""
        if self._task is None:
            self.state = "connecting"
            self._task = asyncio.create_task(self._run())

    def pause(self) -> None:
        """Let the market stand still as it is now."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.state = "paused"

    async def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def describe(self) -> dict[str, Any]:
        """Write where the feed is."""
        return {"name": self.name, "state": self.state, "events": self.applied}

    async def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            applied = self.applied
            try:
                async with aiohttp.ClientSession(timeout=REQUEST_TIMEOUT) as session:
                    await self._load_history(session)
                    await self._follow(session)
                LOG.warning("the source closed the connection; opening it again")
            except BROKEN as error:
                LOG.warning("the source can't be followed (%r); trying again", error)
            self.state = "connecting"
            self._withdraw()
            wait = FIRST_WAIT_SECONDS if self.applied > applied else min(2 * wait, LONGEST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        """Apply one connection's events until it closes."""
        for follower in self._followers.values():
            follower.reset()
        names = [f"{symbol.lower()}@{kind}" for symbol in self._followers for kind in ("trade", "depth@100ms")]
        url = f"{self._source.streams}/stream?streams={'/'.join(names)}"
        try:
            async with session.ws_connect(url, heartbeat=HEARTBEAT_SECONDS, max_msg_size=2**24) as socket:
                self.state = "running"
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self._take(json.loads(message.data)["data"], session)
        finally:
            for task in self._snapshots.values():
                task.cancel()
            await asyncio.gather(*self._snapshots.values(), return_exceptions=True)
            self._snapshots.clear()

    def _take(self, event: dict[str, Any], session: aiohttp.ClientSession) -> None:
        symbol = event.get("s", "")
        if event["e"] == "trade":
            trade = MarketTrade(symbol, Decimal(event["p"]), Decimal(event["q"]), event["m"], event["t"])
            self._apply([trade])
        elif event["e"] == "depthUpdate":
            follower = self._followers[symbol]
            self._apply(follower.take_event(event))
            if follower.needs_snapshot and symbol not in self._snapshots:
                self._snapshots[symbol] = asyncio.create_task(self._take_snapshots(follower, session))

    async def _take_snapshots(self, follower: DepthFollower, session: aiohttp.ClientSession) -> None:
        """Ask for snapshots until one is not older than the events that wait for it."""
        while follower.needs_snapshot:
            try:
                query = {"symbol": follower.symbol, "limit": SNAPSHOT_LEVELS}
                self._apply(follower.take_snapshot(await self._ask(session, "depth", query)))
            except BROKEN as error:
                LOG.warning("no snapshot of %s (%r); trying again", follower.symbol, error)
            if follower.needs_snapshot:
                await asyncio.sleep(FIRST_WAIT_SECONDS)
        del self._snapshots[follower.symbol]

    def _apply(self, events: Sequence[MarketEvent]) -> None:
        for event in events:
            self._exchange.apply_feed(event)
            self.applied += 1

    def _withdraw(self) -> None:
        """Take every quote of the source off the books."""
        for symbol in self._followers:
            self._exchange.apply_feed(BookChange(symbol, (), (), replaces=True))

    async def _load_history(self, session: aiohttp.ClientSession) -> None:
        """Take the source's candles over, once."""
        if self._has_history or not self._history_minutes:
            return
        last_open = self._exchange.clock() // MINUTE_MS * MINUTE_MS - MINUTE_MS
        found: dict[str, list[Candle]] = {}
        for symbol in self._exchange.markets:
            start = last_open - (self._history_minutes - 1) * MINUTE_MS
            candles: list[Candle] = []
            while start <= last_open:
                query = {"symbol": symbol, "interval": "1m", "limit": KLINES_PER_REQUEST}
                rows = await self._ask(session, "klines", query | {"startTime": start, "endTime": last_open})
                candles += [read_candle(row) for row in rows]
                if len(rows) < KLINES_PER_REQUEST:
                    break
                start = candles[-1].open_ms + MINUTE_MS
            found[symbol] = candles
        for symbol, candles in found.items():
            preload(self._exchange.markets[symbol], candles)
        self._has_history = True

    async def _ask(self, session: aiohttp.ClientSession, name: str, query: dict[str, Any]) -> Any:
        async with session.get(f"{self._source.rest}/api/v3/{name}", params=query) as answer:
            answer.raise_for_status()
            return await answer.json()


def read_candle(row: list[Any]) -> Candle:
    """Read one row of klines; its trades' ids are not in it."""
    first, highest, lowest, last, volume = (Decimal(text) for text in row[1:6])
    quote_volume, taker_base, taker_quote = Decimal(row[7]), Decimal(row[9]), Decimal(row[10])
    return Candle(row[0], first, highest, lowest, last, volume, quote_volume, taker_base, taker_quote, row[8])


def preload(market: Market, candles: list[Candle]) -> None:
    """Put closed candles before what the market does now."""
    if candles:
        market.candles.preload(candles)
        market.last_price = market.last_price or candles[-1].close
