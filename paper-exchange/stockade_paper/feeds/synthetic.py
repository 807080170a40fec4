"""The synthetic feed: a seeded market with bursts, changing volatility and fat tails.

A hidden fair value moves by fat-tailed steps whose volatility wanders at two speeds; takers arrive in self-exciting
bursts and push the book towards it; makers refill around it. The history before the start is made by the same process,
so a chart has no kink where the live market begins.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from stockade_paper.amounts import round_down
from stockade_paper.candles import MINUTE_MS, Candle
from stockade_paper.feeds.regimes import REGIMES, Regime, Regimes
from stockade_paper.instruments import Instrument
from stockade_paper.market_events import BookChange, MarketEvent, MarketTrade

STEP_SECONDS = 0.1
HISTORY_STEP_SECONDS = 12.0
YEAR_SECONDS = 365 * 86400
LEVELS = 40
JUMP_SHARE = 0.04  # Of all steps, those that are JUMP_SIZE times as large: the fat tails.
JUMP_SIZE = 3.5
BURST_DECAY_PER_SECOND = 2.0
BURST_SHARE = 0.6  # Of all trades, those that an earlier trade set off.
UNIT = math.sqrt(1 + JUMP_SHARE * (JUMP_SIZE**2 - 1))
HIT_SHARE = 0.15  # Of the levels a move of the fair value leaves behind, those that a taker reaches first.


@dataclass(frozen=True)
class Character:
    """How one symbol behaves; `trade_notional` is the median trade in the quote asset."""

    start_price: Decimal
    annual_volatility: float
    trades_per_second: float
    trade_notional: float
    level_notional: float
    spread_ticks: int
    level_ticks: int


CHARACTERS = {
    "BTCUSDT": Character(Decimal("60000.00"), 0.55, 8.0, 250.0, 40_000.0, 2, 60),
    "ETHUSDT": Character(Decimal("3000.00"), 0.70, 4.0, 200.0, 30_000.0, 2, 8),
    "BNBUSDT": Character(Decimal("600.00"), 0.60, 1.0, 150.0, 10_000.0, 2, 3),
}


class FairValue:
    """The hidden price: log steps with jumps, and a volatility that itself wanders at two speeds."""

    def __init__(self, price: float, character: Character, source: random.Random) -> None:
        self.price = price
        self.heat = 0.0  # Natural logarithm of the volatility over its mean.
        self._slow = 0.0
        self._fast = 0.0
        self._sigma = character.annual_volatility / math.sqrt(YEAR_SECONDS)
        self._source = source

    def move(self, seconds: float, regime: Regime = REGIMES["usual"]) -> None:
        """Let `seconds` pass."""
        root = math.sqrt(seconds)
        self._slow += -self._slow * seconds / 7200 + 0.006 * root * self._source.gauss(0, 1)
        self._fast += -self._fast * min(seconds / 45, 1.0) + 0.09 * root * self._source.gauss(0, 1)
        self.heat = max(min(self._slow + self._fast - 0.25, 2.0), -2.0)
        step = self._sigma * regime.volatility * root * math.exp(self.heat) * self._draw()
        self.price *= math.exp(regime.drift_per_minute * seconds / 60 + step)

    def wander(self, seconds: float) -> float:
        """Return how far the price strays within a step of `seconds`, beyond its two ends."""
        return 0.8 * self.price * self._sigma * math.sqrt(seconds) * math.exp(self.heat) * self._source.random()

    def _draw(self) -> float:
        """Draw a step of unit variance."""
        size = JUMP_SIZE if self._source.random() < JUMP_SHARE else 1.0
        return self._source.gauss(0, 1) * size / UNIT


class SyntheticMarket:
    """The outside market of one symbol; `advance` yields what happens in the next tenth of a second."""

    def __init__(
        self, instrument: Instrument, character: Character, seed: int, activity: float, *, start_price: Decimal
    ) -> None:
        self.instrument = instrument
        self._character = character
        self._source = random.Random(f"{seed}/{instrument.symbol}")  # noqa: S311 - reproducible on purpose
        self._fair = FairValue(float(start_price), character, self._source)
        self._rate = character.trades_per_second * activity
        self._excitement = 0.0
        self._usual_range = 1.4 * character.annual_volatility / math.sqrt(YEAR_SECONDS / 60)
        self._tick = float(instrument.tick_size)
        self._levels: dict[str, dict[int, Decimal]] = {"BUY": {}, "SELL": {}}

    def preload(self, minutes: int, end_ms: int, next_trade_id: int) -> list[Candle]:
        """Make the history before `end_ms`: one-minute candles that end at the start price of the live market."""
        end_price = self._fair.price
        first_open = end_ms // MINUTE_MS * MINUTE_MS - minutes * MINUTE_MS
        paths = [self._draw_path() for _ in range(minutes)]
        scale = end_price / self._fair.price
        self._fair.price = end_price
        drawn = [
            self._draw_candle(first_open + index * MINUTE_MS, [price * scale for price in path])
            for index, path in enumerate(paths)
        ]
        trade_id = next_trade_id
        for candle in reversed(drawn):
            if candle.trades:
                candle.last_trade_id = trade_id - 1
                candle.first_trade_id = trade_id - candle.trades
                trade_id = candle.first_trade_id
        return drawn

    def advance(self, regime: Regime = REGIMES["usual"]) -> list[MarketEvent]:
        """Let one step pass."""
        self._fair.move(STEP_SECONDS, regime)
        self._excitement *= math.exp(-BURST_DECAY_PER_SECOND * STEP_SECONDS)
        changed: dict[str, set[int]] = {"BUY": set(), "SELL": set()}
        trades = self._trade(changed, regime.activity)
        self._refill(changed)
        events: list[MarketEvent] = list(trades)
        if changed["BUY"] or changed["SELL"]:
            events.append(self._book_change(changed))
        return events

    def _draw_path(self) -> list[float]:
        """Move the fair value through one minute; the last two numbers are its highest and lowest."""
        prices = [self._fair.price]
        for _ in range(int(60 / HISTORY_STEP_SECONDS)):
            self._fair.move(HISTORY_STEP_SECONDS)
            prices.append(self._fair.price)
        high = max(prices) + self._fair.wander(HISTORY_STEP_SECONDS)
        low = min(prices) - self._fair.wander(HISTORY_STEP_SECONDS)
        return [*prices, high, low]

    def _draw_candle(self, open_ms: int, path: list[float]) -> Candle:
        spread = (path[-2] - path[-1]) / path[0] / self._usual_range
        trades = self._poisson(self._rate * 72 * min(0.4 + 0.6 * spread, 5.0))
        *ticks, high, low = (self._on_tick(price) for price in path)
        candle = Candle(open_ms, ticks[0], max(high, *ticks), min(low, *ticks), ticks[-1])
        if trades:
            notional = trades * self._character.trade_notional * 3.0 * math.exp(self._source.gauss(0, 0.25))
            average = sum(ticks, Decimal(0)) / len(ticks)
            step = self.instrument.step_size
            candle.volume = max(round_down(Decimal(repr(notional / float(average))), step), step)
            candle.quote_volume = (candle.volume * average).quantize(self.instrument.tick_size)
            share = Decimal(str(round(min(max(self._source.gauss(0.5, 0.1), 0.1), 0.9), 3)))
            candle.taker_base = round_down(candle.volume * share, step)
            candle.taker_quote = (candle.taker_base * average).quantize(self.instrument.tick_size)
            candle.trades = trades
        return candle

    def _trade(self, changed: dict[str, set[int]], activity: float) -> list[MarketTrade]:
        trades: list[MarketTrade] = []
        base_rate = self._rate * activity * (1 - BURST_SHARE) * math.exp(self._fair.heat * 0.7)
        for _ in range(self._poisson((base_rate + self._excitement) * STEP_SECONDS)):
            self._excitement += BURST_SHARE * BURST_DECAY_PER_SECOND
            notional = self._character.trade_notional * math.exp(self._source.gauss(0, 1.4))
            trades += self._take(self._choose_side(), self._quantity(notional), changed)
        for makers in ("BUY", "SELL"):
            trades += self._clear_through(makers, changed)
        return trades

    def _clear_through(self, makers: str, changed: dict[str, set[int]]) -> list[MarketTrade]:
        """Levels on the wrong side of the fair value go: a few are hit first, most are pulled in time."""
        levels = self._levels[makers]
        trades: list[MarketTrade] = []
        while self._is_through(makers):
            if self._source.random() < HIT_SHARE:
                notional = self._character.trade_notional * 3 * math.exp(self._source.gauss(0, 1))
                taker = "SELL" if makers == "BUY" else "BUY"
                trades += self._take(taker, self._quantity(notional), changed)
                continue
            tick = min(levels) if makers == "SELL" else max(levels)
            del levels[tick]
            changed[makers].add(tick)
        return trades

    def _take(self, side: str, quantity: Decimal, changed: dict[str, set[int]]) -> list[MarketTrade]:
        """Let a taker eat levels; yields one trade per level."""
        makers = "SELL" if side == "BUY" else "BUY"
        levels = self._levels[makers]
        trades: list[MarketTrade] = []
        while quantity > 0 and len(levels) > 1:
            tick = min(levels) if makers == "SELL" else max(levels)
            part = min(quantity, levels[tick])
            trades.append(MarketTrade(self.instrument.symbol, self._price(tick), part, makers == "BUY"))
            quantity -= part
            levels[tick] -= part
            if levels[tick] <= 0:
                del levels[tick]
            changed[makers].add(tick)
        return trades

    def _refill(self, changed: dict[str, set[int]]) -> None:
        """Makers follow the fair value: new levels near it, some change their mind, far ones go."""
        fair_tick = self._fair.price / self._tick
        for side, sign in (("BUY", -1), ("SELL", 1)):
            levels = self._levels[side]
            edge = fair_tick + sign * self._character.spread_ticks / 2
            inner = math.floor(edge) if sign < 0 else math.ceil(edge)
            if inner not in levels:
                self._put(side, inner, changed)
            while len(levels) < LEVELS:
                distance = int(self._source.expovariate(1 / (self._character.level_ticks * LEVELS / 3)))
                self._put(side, inner + sign * (1 + distance), changed)
            for tick in self._source.sample(list(levels), k=self._poisson(1.2)):
                self._put(side, tick, changed)
            far = sorted(levels, reverse=side == "BUY")[LEVELS + 10 :]
            for tick in far:
                del levels[tick]
                changed[side].add(tick)

    def _put(self, side: str, tick: int, changed: dict[str, set[int]]) -> None:
        other = self._levels["SELL" if side == "BUY" else "BUY"]
        is_crossing = bool(other) and (tick >= min(other) if side == "BUY" else tick <= max(other))
        if tick > 0 and not is_crossing:
            notional = self._character.level_notional * math.exp(self._source.gauss(-1.0, 1.2))
            self._levels[side][tick] = self._quantity(notional)
            changed[side].add(tick)
        elif not self._levels[side]:
            edge = (min(other) - 1) if side == "BUY" else (max(other) + 1)
            self._levels[side][edge] = self._quantity(self._character.level_notional)
            changed[side].add(edge)

    def _is_through(self, makers: str) -> bool:
        """Whether the best level of a side is on the wrong side of the fair value."""
        levels = self._levels[makers]
        if len(levels) < 2:
            return False
        fair_tick = self._fair.price / self._tick
        return min(levels) < fair_tick if makers == "SELL" else max(levels) > fair_tick

    def _choose_side(self) -> str:
        if not self._levels["BUY"] or not self._levels["SELL"]:
            return "BUY"
        middle = (max(self._levels["BUY"]) + min(self._levels["SELL"])) / 2
        lean = (self._fair.price / self._tick - middle) / (self._character.spread_ticks * 4)
        return "BUY" if self._source.random() < 0.5 + max(min(lean, 0.35), -0.35) else "SELL"

    def _book_change(self, changed: dict[str, set[int]]) -> BookChange:
        def levels(side: str) -> tuple[tuple[Decimal, Decimal], ...]:
            return tuple(
                (self._price(tick), self._levels[side].get(tick, Decimal(0))) for tick in sorted(changed[side])
            )

        return BookChange(self.instrument.symbol, levels("BUY"), levels("SELL"))

    def _price(self, tick: int) -> Decimal:
        return tick * self.instrument.tick_size

    def _on_tick(self, price: float) -> Decimal:
        return self._price(round(price / self._tick))

    def _quantity(self, notional: float) -> Decimal:
        step = self.instrument.step_size
        return max(round_down(Decimal(repr(notional / self._fair.price)), step), step)

    def _poisson(self, mean: float) -> int:
        if mean > 50:
            return max(round(self._source.gauss(mean, math.sqrt(mean))), 0)
        limit, count, product = math.exp(-mean), 0, self._source.random()
        while product > limit:
            count += 1
            product *= self._source.random()
        return count


def play(markets: list[SyntheticMarket], speed: Decimal, regimes: Regimes) -> Iterator[tuple[float, list[MarketEvent]]]:
    """Yield each step's events with the seconds since the start at which they are due; never ends."""
    step = 0
    while True:
        regimes.pass_time(STEP_SECONDS)
        for market in markets:
            events = market.advance(regimes.current)
            if events:
                yield step * STEP_SECONDS / float(speed), events
        step += 1
