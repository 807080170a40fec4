"""How fast the paper exchange is: orders over the WebSocket API, stream fan-out, matching alone, and its memory.

Loopback only; each part is bounded in time. The exchange has one core and the load the other, where there are two.
The figures go to `results/paper.json`, beside what was asked for.
"""

import asyncio
import itertools
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from tests.contract.paper.test_websocket_api import make_key, sign, sign_with
from tests.support.paper import PaperProcess
from websockets.asyncio.client import ClientConnection, connect

import stockade_paper.exchange
from stockade_paper.book import DEPTH_PUBLISHERS, Book
from stockade_paper.exchange import Exchange
from stockade_paper.feeds.synthetic import CHARACTERS, SyntheticMarket
from stockade_paper.fees import FeeSchedule
from stockade_paper.instruments import INSTRUMENTS
from stockade_paper.market import Market
from stockade_paper.orders import Order
from stockade_paper.turn import Turn

RESULTS = Path(__file__).parent / "results" / "paper.json"
SECONDS = 10.0
CLIENTS = 4
IN_FLIGHT = 32
SUBSCRIBERS = 100
SIMULATED_SECONDS = 3600
STEPS_PER_SECOND = 10
ORDERS_OF_MATCHING = 20_000
RUNS = 3
KEPT = 500
TARGETS = {"orders": 3_000, "messages": 50_000, "matching": 100_000}
UNLIMITED = "weight_per_minute: 1000000000\norders_per_ten_seconds: 1000000000\norders_per_day: 1000000000\n"


def start_exchange(folder: Path, settings: str) -> PaperProcess:
    """Start an exchange on a core of its own, without limits."""
    config = folder / "paper.yaml"
    config.write_text(UNLIMITED + "history_minutes: 10\n" + settings)
    process = PaperProcess(folder / "log.txt", "--config", str(config))
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(process._process.pid, {cores[0]})  # noqa: SLF001 - only a benchmark moves it
        os.sched_setaffinity(0, set(cores[1:]))
    return process


async def measure_orders(folder: Path) -> dict[str, Any]:
    """Count the orders that four clients place over logged on sessions; each of them rests or trades."""
    paper = start_exchange(folder, "start_paused: true\n")
    try:
        ask = float(paper.request("GET", "/api/v3/ticker/bookTicker?symbol=BTCUSDT")["askPrice"])
        price = f"{ask - 0.01:.2f}"
        until = time.monotonic() + SECONDS
        started, cpu = time.monotonic(), read_cpu_seconds(paper)
        counts = await asyncio.gather(*(place_until(paper, price, number, until) for number in range(CLIENTS)))
        seconds = time.monotonic() - started
        cpu = read_cpu_seconds(paper) - cpu
    finally:
        paper.stop()
    accepted = sum(accepted for accepted, _ in counts)
    return {
        "clients": CLIENTS,
        "inFlightPerClient": IN_FLIGHT,
        "seconds": round(seconds, 2),
        "accepted": accepted,
        "refused": sum(refused for _, refused in counts),
        "acceptedPerSecond": round(accepted / seconds),
        "acceptedPerCpuSecondOfTheExchange": round(accepted / cpu),
        "target": TARGETS["orders"],
    }


async def place_until(paper: PaperProcess, price: str, number: int, until: float) -> tuple[int, int]:
    """Place orders until a time, a window of them in flight; returns how many were accepted and refused."""
    private, pem = make_key("Ed25519")
    account = paper.open_account(publicKey=pem, balances={"USDT": "1e9", "BTC": "1e5"})
    side = "BUY" if number % 2 else "SELL"
    accepted = refused = 0
    async with connect(f"{paper.websocket}/ws-api/v3?returnRateLimits=false", compression=None) as socket:
        logon = sign({"apiKey": account["apiKey"]}, sign_with(private))
        await socket.send(json.dumps({"id": 0, "method": "session.logon", "params": logon}))
        await socket.recv()
        waiting = 0
        while time.monotonic() < until or waiting:
            while waiting < IN_FLIGHT and time.monotonic() < until:
                # Both sides in turn, or orders pile up to the most that may be open and half of them is refused.
                side = "SELL" if side == "BUY" else "BUY"
                await place_one(socket, side, price)
                waiting += 1
            answer = await socket.recv()
            waiting -= 1
            if '"status":200' in str(answer):
                accepted += 1
            else:
                refused += 1
    return accepted, refused


async def place_one(socket: ClientConnection, side: str, price: str) -> None:
    """Send one small LIMIT order."""
    parameters = {
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.001",
        "price": price,
        "newOrderRespType": "ACK",
        "timestamp": time.time_ns() // 1_000_000,
    }
    await socket.send(msgspec.json.encode({"id": 1, "method": "order.place", "params": parameters}), text=True)


class Counter(asyncio.Protocol):
    """A subscriber that counts frames by their headers: reading JSON 50,000 times a second would measure Python."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self._is_open = False
        self.frames = 0
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        """Note that the exchange gave up on this subscriber."""
        self.is_lost = True

    def data_received(self, data: bytes) -> None:
        """Count the frames that are complete."""
        buffer = self._rest + data
        place = 0
        if not self._is_open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._rest = buffer
                return
            self._is_open, place = True, end + 4
        while len(buffer) - place >= 4:
            size, header = buffer[place + 1], 2
            if size == 126:
                size, header = int.from_bytes(buffer[place + 2 : place + 4], "big"), 4
            if len(buffer) - place < header + size:
                break
            place += header + size
            self.frames += 1
        self._rest = buffer[place:]


async def measure_fan_out(folder: Path) -> dict[str, Any]:
    """Count the messages that a hundred subscribers of one symbol's trades receive."""
    paper = start_exchange(folder, "activity: 150\n")
    request = (
        b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: paper\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    try:
        made = [
            await loop.create_connection(lambda: Counter(request), "127.0.0.1", paper.port) for _ in range(SUBSCRIBERS)
        ]
        counters = [protocol for _, protocol in made]
        await asyncio.sleep(2)
        before, started = [each.frames for each in counters], time.monotonic()
        cpu = read_cpu_seconds(paper)
        await asyncio.sleep(SECONDS)
        received = [each.frames - first for each, first in zip(counters, before, strict=True)]
        seconds = time.monotonic() - started
        busy = (read_cpu_seconds(paper) - cpu) / seconds
        for transport, _ in made:
            transport.close()
    finally:
        paper.stop()
    return {
        "subscribers": SUBSCRIBERS,
        "seconds": round(seconds, 2),
        "messagesPerSecond": round(sum(received) / seconds),
        "fewestOfOne": min(received),
        "mostOfOne": max(received),
        "disconnected": sum(each.is_lost for each in counters),
        "cpuShareOfTheExchange": round(busy, 2),
        "target": TARGETS["messages"],
    }


def read_cpu_seconds(paper: PaperProcess) -> float:
    """Return what CPU time the exchange has used."""
    fields = Path(f"/proc/{paper._process.pid}/stat").read_text().rpartition(")")[2].split()  # noqa: SLF001 - as above
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def build_market(clock: Callable[[], int]) -> Exchange:
    """Build an exchange of one symbol, nobody listening."""
    market = Market(INSTRUMENTS[0], Book(has_full_depth=True), prints_own_trades=True, first_trade_id=1)
    return Exchange([market], FeeSchedule(Decimal("0.001"), Decimal("0.001")), clock)


def draw_orders(exchange: Exchange, price: Decimal) -> list[Order]:
    """Draw pairs of orders of two accounts that trade with each other, on twenty prices."""
    names = itertools.count()
    accounts = [exchange.accounts.create({"USDT": Decimal("1e9"), "BTC": Decimal("1e6")}) for _ in range(2)]
    return [
        Order(
            order_id=0,
            account_id=accounts[number % 2].account_id,
            symbol="BTCUSDT",
            client_order_id=str(next(names)),
            side="SELL" if number % 2 == 0 else "BUY",
            type="LIMIT",
            created_ms=1,
            quantity=Decimal("0.01"),
            price=price + number // 2 % 20,
        )
        for number in range(ORDERS_OF_MATCHING)
    ]


def measure_matching() -> dict[str, Any]:
    """Count orders that are matched, matched and settled, and taken through a whole step of the exchange."""
    return {
        "orders": ORDERS_OF_MATCHING,
        "matchedOrdersPerCpuSecond": find_median(measure_bare_matching),
        "settledOrdersPerCpuSecond": find_median(measure_settled_matching),
        "wholeStepsPerCpuSecond": find_median(measure_whole_steps),
        "target": TARGETS["matching"],
    }


def find_median(measure: Callable[[], float]) -> int:
    """Return the median of RUNS measurements."""
    return round(statistics.median(measure() for _ in range(RUNS)))


def measure_bare_matching() -> float:
    """Return how many orders a second find whom they meet, take it off the book or rest: matching alone."""
    exchange = build_market(lambda: 1)
    orders = draw_orders(exchange, Decimal(50000))
    matcher = exchange.matchers["BTCUSDT"]
    book = matcher.market.book
    started = time.process_time()
    for order in orders:
        steps = matcher.plan(order).steps
        for step in steps:
            assert step.maker is not None
            book.remove(step.maker)
        if not steps:
            book.add(order)
    return len(orders) / (time.process_time() - started)


def measure_whole_steps() -> float:
    """Return how many orders a second go through a whole step: checks, matching, money, reports, balance events."""
    exchange = build_market(lambda: 1)
    orders = draw_orders(exchange, Decimal(50000))
    started = time.process_time()
    for order in orders:
        exchange.place(order)
    return len(orders) / (time.process_time() - started)


def measure_settled_matching() -> float:
    """Return how many orders a second are matched, their money moved, fills and execution reports written."""
    exchange = build_market(lambda: 1)
    orders = draw_orders(exchange, Decimal(50000))
    matcher = exchange.matchers["BTCUSDT"]
    executions = itertools.count(1)
    started = time.process_time()
    for number, order in enumerate(orders):
        order.order_id = number
        turn = Turn(1, executions)
        matcher.take(order, matcher.plan(order), turn)
        if order.is_open:
            matcher.market.book.add(order)
    return len(orders) / (time.process_time() - started)


def measure_memory() -> dict[str, Any]:
    """Let an hour of a synthetic market pass as fast as it can, with an order each second; watch the memory.

    The exchange keeps KEPT orders, fills and trades here instead of its tens of thousands, so that the hour reaches
    that ceiling early: whatever grows in its second half is a leak.
    """
    now = [1_700_000_000_000]
    stockade_paper.exchange.KEPT_CLOSED_ORDERS = KEPT
    exchange = build_market(lambda: now[0])
    exchange.fills = deque(maxlen=KEPT)
    exchange.markets["BTCUSDT"].trades = deque(maxlen=KEPT)
    exchange.markets["BTCUSDT"].aggregates = deque(maxlen=KEPT)
    account = exchange.accounts.create({"USDT": Decimal("1e9"), "BTC": Decimal("1e6")})
    source = SyntheticMarket(INSTRUMENTS[0], CHARACTERS["BTCUSDT"], 7, 1.0, start_price=Decimal(60000))
    seen: list[int] = []
    started = time.monotonic()
    for second in range(SIMULATED_SECONDS):
        for _ in range(STEPS_PER_SECOND):
            now[0] += 1000 // STEPS_PER_SECOND
            for event in source.advance():
                exchange.apply_feed(event)
        for speed in DEPTH_PUBLISHERS:
            exchange.markets["BTCUSDT"].book.skip_changes(speed)
        side = "BUY" if second % 2 else "SELL"
        order = Order(0, account.account_id, "BTCUSDT", str(second), side, "MARKET", now[0], quantity=Decimal("0.01"))
        exchange.place(order)
        if (second + 1) % (SIMULATED_SECONDS // 4) == 0:
            seen.append(read_resident_kib())
    return {
        "simulatedSeconds": SIMULATED_SECONDS,
        "seconds": round(time.monotonic() - started, 1),
        "residentKibAtEachQuarter": seen,
        "keptOrdersFillsAndTrades": KEPT,
        "growthFromHalfToEndKib": seen[-1] - seen[1],
    }


def read_resident_kib() -> int:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def run() -> dict[str, Any]:
    """Measure everything."""
    load = os.getloadavg()[0]
    memory, matching = measure_memory(), measure_matching()
    with tempfile.TemporaryDirectory() as folder:
        runs = [asyncio.run(measure_orders(Path(folder))) for _ in range(RUNS)]
        orders = sorted(runs, key=lambda run: run["acceptedPerSecond"])[RUNS // 2]
        fan_out = asyncio.run(measure_fan_out(Path(folder)))
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "loadBefore": round(load, 1)}
    return {"machine": machine, "orders": orders, "fanOut": fan_out, "matching": matching, "memory": memory}


if __name__ == "__main__":
    figures = run()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
