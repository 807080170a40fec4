"""An order's round trip in the pod's arrangement, against python-binance placing the same order from one process.

Ours: a Strategy calls `buy`, the runner asks the gateway in another process, the gateway checks, reserves, writes down,
signs and sends, the paper exchange accepts, and `on_order_accepted` is called. Theirs: `ws_create_order` is awaited; by
one client that listens to nothing else, and by one that hears of its own fills, as whoever trades has to: for that one
the exchange writes the same events as for us. All rest the same order far from the market and cancel it afterwards,
outside the measured time. All run for the whole time and take turns by the clock, a fraction of a second each, so that
all meet the same machine. What counts is the median of the rounds' ratios.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from binance import AsyncClient, BinanceSocketManager  # type: ignore[import-untyped] # the library has no types
from tests.support.algorithm_process import AlgorithmProcess, build_image
from tests.support.postgresql import run_server
from tests.support.sidecar_process import PaperExchange, Sidecar, make_token

RESULTS = Path(__file__).parent / "results" / "round_trip.json"
ROUNDS = 9
ROUND_SECONDS = 8.0
SLOT_SECONDS = 0.2
# Nothing begins in the last part of a turn, so that it does not reach into the next one's.
MARGIN_SECONDS = 0.05
PAUSE_SECONDS = 0.002
START_SECONDS = 25.0
TARGET = 1.0
OURS = "stockade"
PEERS = ("python-binance", "python-binance with user events")
UNLIMITED = "weight_per_minute: 1000000000\norders_per_ten_seconds: 1000000000\norders_per_day: 1000000000\n"
QUANTITY, PRICE = "0.001", "30000"
Times = list[tuple[int, int]]
STRATEGY = (Path(__file__).parent / "round_trip_strategy.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Turns:
    """Whose turn it is, by the clock alone: processes that can't speak to each other agree on it."""

    began: float
    place: int
    places: int = len(PEERS) + 1

    def seconds_until_mine(self) -> float:
        """Return how long to wait before the next order; 0 when it may begin now."""
        cycle = self.places * SLOT_SECONDS
        passed = (time.time() - self.began - self.place * SLOT_SECONDS) % cycle
        return 0.0 if passed < SLOT_SECONDS - MARGIN_SECONDS else cycle - passed

    @property
    def round(self) -> int:
        """Number of the present round, negative before the first."""
        return int((time.time() - self.began) // ROUND_SECONDS)


async def run_python_binance(port: int, key: dict[str, str], turns: Turns, *, user_events: bool) -> Times:
    """Connect, listen to the account's events if that is wanted, and place orders."""
    client = AsyncClient(api_key=key["apiKey"], api_secret=key["apiSecret"])
    client.ws_api._url = f"ws://127.0.0.1:{port}/ws-api/v3"  # noqa: SLF001 - the library has no setting for it
    try:
        if not user_events:
            return await place_orders(client, turns)
        async with BinanceSocketManager(client).user_socket() as events:
            listening = asyncio.create_task(listen(events))
            times = await place_orders(client, turns)
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
        return times
    finally:
        await client.close_connection()


async def listen(events: Any) -> None:
    """Take in the account's events until cancelled."""
    while True:
        await events.recv()


async def place_orders(client: AsyncClient, turns: Turns) -> Times:
    """Place, time and cancel one order after the other; returns round and nanoseconds of each."""
    times = []
    while (number := turns.round) < ROUNDS:
        if (wait := turns.seconds_until_mine()) > 0:
            await asyncio.sleep(wait)
            continue
        began = time.perf_counter_ns()
        placed = await client.ws_create_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity=QUANTITY, price=PRICE
        )
        times.append((number, time.perf_counter_ns() - began))
        await client.ws_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
        await asyncio.sleep(PAUSE_SECONDS)
    return times


def start_peer(name: str, port: int, key: dict[str, str], began: float, times: Path) -> subprocess.Popen[str]:
    """Start python-binance in a process of its own, that leaves its times in a file: a pipe holds too few."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.round_trip",
        "--peer",
        name,
        "--port",
        str(port),
        "--began",
        str(began),
        "--times",
        str(times),
    ]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    assert peer.stdin is not None
    peer.stdin.write(json.dumps(key))
    peer.stdin.close()
    return peer


def read_peer(peer: subprocess.Popen[str], file: Path) -> Times:
    """Wait for a peer's end and return its times."""
    assert peer.wait(60) == 0
    times: Times = json.loads(file.read_text())
    return times


def read_algorithm(algorithm: AlgorithmProcess) -> Times:
    """Wait for the strategy's result."""
    algorithm.wait_for_log("times [")
    line = next(each for each in algorithm.log().splitlines() if each.startswith("times ["))
    algorithm.terminate()
    assert algorithm.wait() == 0, algorithm.log()
    times: Times = json.loads(line.removeprefix("times "))
    return times


def summarize(times: Times, number: int) -> dict[str, float]:
    """Return one round's microseconds."""
    counted = sorted(nanoseconds / 1000 for of_round, nanoseconds in times if of_round == number)
    if not counted:
        return {"p50": 0.0, "p99": 0.0, "orders": 0}
    return {"p50": counted[len(counted) // 2], "p99": counted[int(len(counted) * 0.99)], "orders": len(counted)}


def measure(folder: Path) -> dict[str, Any]:
    """Run all at once, in turns; returns the figures."""
    config = folder / "paper.yaml"
    config.write_text(UNLIMITED + "start_paused: true\n")
    with run_server() as server, contextlib.ExitStack() as cleanup:
        paper = PaperExchange("--config", str(config))
        cleanup.callback(paper.end)
        ledger = server.create_ledger("round_trip")
        ledger.add_tenant("alpha")
        pod = folder / "pod"
        pod.mkdir()
        sidecar = Sidecar(pod, paper, ledger.url("tenant-alpha"), paper.open_account(), make_token())
        cleanup.callback(sidecar.close)
        sidecar.start()
        interpreter = build_image(folder / "image")
        began = time.time() + START_SECONDS
        files = {name: folder / f"{number}.json" for number, name in enumerate(PEERS)}
        peers = {name: start_peer(name, paper.port, paper.open_account(), began, files[name]) for name in PEERS}
        algorithm = AlgorithmProcess(
            interpreter, pod, STRATEGY, parameters=describe_strategy(began), socket_path=sidecar.socket_path
        )
        cleanup.callback(algorithm.close)
        time.sleep(START_SECONDS + ROUNDS * ROUND_SECONDS)
        times = {OURS: read_algorithm(algorithm), **{name: read_peer(peers[name], files[name]) for name in PEERS}}
    # The first round is for warming up.
    return compare([{name: summarize(each, number) for name, each in times.items()} for number in range(1, ROUNDS)])


def describe_strategy(began: float) -> dict[str, Any]:
    """Return the strategy's parameters: the same turns as the peers'."""
    return {
        "began": began,
        "place": len(PEERS),
        "places": len(PEERS) + 1,
        "slot_seconds": SLOT_SECONDS,
        "margin_seconds": MARGIN_SECONDS,
        "pause_seconds": PAUSE_SECONDS,
        "round_seconds": ROUND_SECONDS,
        "rounds": ROUNDS,
        "quantity": QUANTITY,
        "price": PRICE,
    }


def compare(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Return medians over the rounds, of the figures and of the ratios; a round somebody missed is left out."""
    rounds = [each for each in rounds if all(each[name]["orders"] for name in (OURS, *PEERS))]
    figures: dict[str, Any] = {
        name: {part: round(statistics.median(each[name][part] for each in rounds)) for part in ("p50", "p99")}
        for name in (OURS, *PEERS)
    }
    ratios = {
        f"to {name}": {
            part: {
                "median": round(statistics.median(found), 2),
                "least": round(min(found), 2),
                "most": round(max(found), 2),
            }
            for part in ("p50", "p99")
            if (found := [each[OURS][part] / each[name][part] for each in rounds])
        }
        for name in PEERS
    }
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "rounds": len(rounds),
        "orders": {name: round(sum(each[name]["orders"] for each in rounds)) for name in (OURS, *PEERS)},
        "microseconds": figures,
        "ratios": ratios,
        "target": {"p50 to python-binance": TARGET},
    }


def main() -> None:
    """Measure and write the results, or be one of the peers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--port", type=int)
    parser.add_argument("--began", type=float)
    parser.add_argument("--times", type=Path)
    wish = parser.parse_args()
    if wish.peer:
        turns = Turns(wish.began, PEERS.index(wish.peer))
        times = asyncio.run(
            run_python_binance(wish.port, json.load(sys.stdin), turns, user_events=wish.peer == PEERS[1])
        )
        wish.times.write_text(json.dumps(times))
        return
    # Whoever ends it early wants its processes gone, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="round-trip-"))
    try:
        figures = measure(folder)
    finally:
        shutil.rmtree(folder)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
