"""Market streams: who subscribed to what, and the beat that publishes it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from stockade_paper.candles import DAY_MS, INTERVALS_MS, read_time_zone
from stockade_paper.connections import Connection
from stockade_paper.exchange import Exchange
from stockade_paper.faults import Faults
from stockade_paper.latency import DelayLine, LatencyModel
from stockade_paper.market import Aggregate, Market, Trade
from stockade_paper.stream_payloads import (
    aggregate_payload,
    average_price_payload,
    depth_payload,
    kline_payload,
    mini_ticker_payload,
    partial_depth_payload,
    quote_payload,
    ticker_payload,
    trade_payload,
    window_ticker_payload,
)
from stockade_paper.tickers import window_of
from stockade_paper.time_units import to_microseconds

BEAT_SECONDS = 0.1
BEATS_PER_SECOND = 10
PARTIAL_DEPTHS = (5, 10, 20)
TICKER_WINDOWS_MS = {"1h": 3_600_000, "4h": 14_400_000, "1d": DAY_MS}


class StreamClient:
    """One connection to the market streams and its subscriptions; `is_combined` wraps each message with its name."""

    def __init__(self, connection: Connection, *, is_combined: bool, in_microseconds: bool = False) -> None:
        self.connection = connection
        self.in_microseconds = in_microseconds
        self.is_combined = is_combined
        self.names: dict[str, None] = {}
        self.line: DelayLine[str] = DelayLine(connection.send)


class StreamHub:
    """Which client wants which stream."""

    def __init__(self, clock: Callable[[], int], faults: Faults, latency: LatencyModel) -> None:
        self.clients: set[StreamClient] = set()
        self._precise: set[StreamClient] = set()
        self.faults = faults
        self._clock = clock
        self._latency = latency
        self._subscribers: dict[str, set[StreamClient]] = {}

    def add(self, client: StreamClient) -> None:
        """Let a client in; it has no subscription yet."""
        self.clients.add(client)
        if client.in_microseconds:
            self._precise.add(client)

    def remove(self, client: StreamClient) -> None:
        """Forget a client."""
        for name in list(client.names):
            self.unsubscribe(client, name)
        client.line.close()
        self.clients.discard(client)
        self._precise.discard(client)

    def subscribe(self, client: StreamClient, name: str) -> None:
        """Send `name` to a client; an unknown name is no error, there is just nothing to send."""
        client.names[name] = None
        self._subscribers.setdefault(name, set()).add(client)

    def unsubscribe(self, client: StreamClient, name: str) -> None:
        """Send `name` to a client no more."""
        client.names.pop(name, None)
        clients = self._subscribers.get(name, set())
        clients.discard(client)
        if not clients:
            self._subscribers.pop(name, None)

    def now_ms(self) -> int:
        """Return the exchange's time."""
        return self._clock()

    def is_wanted(self, name: str) -> bool:
        """Whether anybody subscribed."""
        return name in self._subscribers

    def wanted(self, prefix: str) -> list[str]:
        """List the subscribed streams whose name begins so."""
        return [name for name in self._subscribers if name.startswith(prefix)]

    def publish(self, name: str, payload: Any) -> None:
        """Send one message to all who want it."""
        if self.faults.armed and self._is_lost(name):
            return
        clients = self._subscribers.get(name, set())
        if not self._precise:
            self._send(name, payload, clients)
            return
        self._send(name, payload, clients - self._precise)
        self._send(name, to_microseconds(payload), clients & self._precise)

    def _send(self, name: str, payload: Any, clients: Iterable[StreamClient]) -> None:
        raw = msgspec.json.encode(payload).decode()
        combined = f'{{"stream":"{name}","data":{raw}}}'
        seconds = self._latency.draw("streams")
        for client in clients:
            client.line.put(combined if client.is_combined else raw, seconds)

    def _is_lost(self, name: str) -> bool:
        if self.faults.strike("break-streams") is not None:
            for client in self._subscribers.get(name, ()):
                client.connection.close()
            return True
        is_gap = "@depth" in name and self.faults.strike("skip-depth-events") is not None
        is_frozen = self.faults.find_active("freeze-streams") is not None
        return is_gap or is_frozen or self.faults.strike("lose-stream-messages") is not None

    def announce_shutdown(self) -> None:
        """Tell every client that the server is about to end its connection."""
        event = {"e": "serverShutdown", "E": self._clock()}
        raw = msgspec.json.encode(event).decode()
        for client in self.clients:
            client.connection.send(f'{{"stream":"!serverShutdown","data":{raw}}}' if client.is_combined else raw)

    def disconnect_all(self) -> int:
        """Close every connection and return how many there were."""
        for client in self.clients:
            client.connection.close()
        return len(self.clients)


class StreamPublisher:
    """Turns what the markets do into stream messages; what nobody wants is not even written."""

    def __init__(self, exchange: Exchange, hub: StreamHub) -> None:
        self._exchange = exchange
        self._hub = hub
        self._beats = 0
        self._open_candles: dict[str, int] = {}
        for market in exchange.markets.values():
            market.on_trade = self._publish_trade
            market.on_aggregate = self._publish_aggregate
            market.on_quote = self._publish_quote

    async def run(self) -> None:
        """Publish the timed streams for ever."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + BEAT_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())
            self.beat()

    def beat(self) -> None:
        """Let a tenth of a second have passed."""
        self._beats += 1
        now = self._exchange.clock()
        whole_second = self._beats % BEATS_PER_SECOND == 0
        for symbol, market in self._exchange.markets.items():
            name = symbol.lower()
            self._publish_depth(market, name, "100ms", now)
            if whole_second:
                self._publish_depth(market, name, "1000ms", now)
                self._publish_tickers(market, name, now)
                self._publish_klines(market, name, now)
        if whole_second and self._hub.is_wanted("!miniTicker@arr"):
            rows = [mini_ticker_payload(market, window_of(market, now), now) for market in self._markets()]
            self._hub.publish("!miniTicker@arr", rows)

        if whole_second:
            self._publish_window_tickers(now)

    def _publish_window_tickers(self, now_ms: int) -> None:
        for window, length in TICKER_WINDOWS_MS.items():
            stream = f"!ticker_{window}@arr"
            if self._hub.is_wanted(stream):
                rows = [
                    window_ticker_payload(market, window_of(market, now_ms, length), now_ms, f"{window}Ticker")
                    for market in self._markets()
                ]
                self._hub.publish(stream, rows)

    def _markets(self) -> list[Market]:
        return list(self._exchange.markets.values())

    def _publish_trade(self, market: Market, trade: Trade) -> None:
        name = market.instrument.symbol.lower()
        if self._hub.is_wanted(f"{name}@trade"):
            self._hub.publish(f"{name}@trade", trade_payload(market, trade))

    def _publish_aggregate(self, market: Market, aggregate: Aggregate) -> None:
        name = f"{market.instrument.symbol.lower()}@aggTrade"
        if self._hub.is_wanted(name):
            self._hub.publish(name, aggregate_payload(market, aggregate))

    def _publish_quote(self, market: Market) -> None:
        name = f"{market.instrument.symbol.lower()}@bookTicker"
        if self._hub.is_wanted(name):
            self._hub.publish(name, quote_payload(market))

    def _publish_depth(self, market: Market, name: str, speed: str, now_ms: int) -> None:
        suffix = "@100ms" if speed == "100ms" else ""
        stream = f"{name}@depth{suffix}"
        names = [stream, f"{stream}@1000ms"] if not suffix else [stream]
        if any(self._hub.is_wanted(each) for each in names):
            changes = market.book.collect_changes(speed)
            for each in names:
                if changes is not None and self._hub.is_wanted(each):
                    self._hub.publish(each, depth_payload(market, changes, now_ms))
        else:
            market.book.skip_changes(speed)
        for limit in PARTIAL_DEPTHS:
            partial = f"{name}@depth{limit}{suffix}"
            if self._hub.is_wanted(partial):
                self._hub.publish(partial, partial_depth_payload(market, limit))

    def _publish_tickers(self, market: Market, name: str, now_ms: int) -> None:
        if self._hub.is_wanted(f"{name}@miniTicker"):
            payload = mini_ticker_payload(market, window_of(market, now_ms), now_ms)
            self._hub.publish(f"{name}@miniTicker", payload)
        if self._hub.is_wanted(f"{name}@ticker"):
            self._hub.publish(f"{name}@ticker", ticker_payload(market, window_of(market, now_ms), now_ms))
        for window, length in TICKER_WINDOWS_MS.items():
            stream = f"{name}@ticker_{window}"
            if self._hub.is_wanted(stream):
                summed = window_of(market, now_ms, length)
                self._hub.publish(stream, window_ticker_payload(market, summed, now_ms, f"{window}Ticker"))
        if self._hub.is_wanted(f"{name}@avgPrice"):
            price = market.average_price(now_ms, market.instrument.average_price_minutes)
            if price is not None:
                self._hub.publish(f"{name}@avgPrice", average_price_payload(market, price, now_ms))

    def _publish_klines(self, market: Market, name: str, now_ms: int) -> None:
        """Publish candles each two seconds (one for `1s`), and the last word on each that has closed."""
        is_second_beat = self._beats % (2 * BEATS_PER_SECOND) == 0
        for stream in self._hub.wanted(f"{name}@kline_"):
            interval, _, zone = stream.partition("@kline_")[2].partition("@")
            offset_ms = read_time_zone(zone or "0")
            if interval not in INTERVALS_MS or offset_ms is None:
                continue
            current = market.candles.current(interval, now_ms, offset_ms)
            if current is None:
                continue
            before = self._open_candles.get(stream)
            self._open_candles[stream] = current.open_ms
            if before is not None and before < current.open_ms:
                for closed in market.candles.select(interval, now_ms, 1, start_ms=before, offset_ms=offset_ms):
                    payload = kline_payload(market, closed, interval, now_ms, offset_ms, is_closed=True)
                    self._hub.publish(stream, payload)
            if is_second_beat or interval == "1s":
                payload = kline_payload(market, current, interval, now_ms, offset_ms, is_closed=False)
                self._hub.publish(stream, payload)
