"""One paper exchange is the "real" one whose public streams feed a second."""

import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.contract.paper.conftest import DEADLINE_SECONDS, Client, receive
from tests.support.paper import PaperProcess


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[tuple[PaperProcess, PaperProcess]]:
    """A source and an exchange that follows it."""
    source = PaperProcess(tmp_path / "source.txt", "--seed", "5", "--history-minutes", "30")
    follower = follow(source, tmp_path / "follower.txt")
    yield source, follower
    follower.stop()
    source.stop()
    assert "Traceback" not in (tmp_path / "follower.txt").read_text(encoding="utf-8")


def follow(source: PaperProcess, log: Path) -> PaperProcess:
    """Start an exchange on the source's public streams."""
    addresses = ("--source-rest", source.http, "--source-streams", source.websocket)
    return PaperProcess(log, "--feed", "binance", *addresses, "--history-minutes", "20")


def wait_for(read: Callable[[], Any], is_right: Callable[[Any], bool]) -> Any:
    """Ask until the answer is right."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_right(answer := read()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.1)
    return answer


def depth(paper: PaperProcess) -> Any:
    """Read the BTCUSDT book."""
    return paper.request("GET", "/api/v3/depth?symbol=BTCUSDT&limit=20")


async def test_book_tape_and_history_are_those_of_the_source(chain: tuple[PaperProcess, PaperProcess]) -> None:
    source, follower = chain
    async with (
        connect(f"{source.websocket}/ws/ethusdt@trade") as theirs,
        connect(f"{follower.websocket}/ws/ethusdt@trade") as ours,
    ):
        wanted = json.loads(await receive(ours))
        seen = json.loads(await receive(theirs))
        while seen["t"] < wanted["t"]:
            seen = json.loads(await receive(theirs))
    assert {key: seen[key] for key in ("t", "p", "q", "m")} == {key: wanted[key] for key in ("t", "p", "q", "m")}
    source.request("POST", "/paper/v1/feed/pause")
    rows = wait_for(lambda: (depth(source), depth(follower)), lambda pair: pair[0]["bids"] == pair[1]["bids"] != [])
    assert rows[0]["asks"] == rows[1]["asks"]
    query = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=10"
    theirs_closed, ours_closed = (paper.request("GET", query)[:5] for paper in chain)
    assert ours_closed == theirs_closed


async def test_orders_fill_at_the_sources_prices_and_never_while_it_is_away(
    chain: tuple[PaperProcess, PaperProcess],
) -> None:
    source, follower = chain
    wait_for(lambda: depth(follower), lambda book: bool(book["asks"]))
    client = await Client(follower, follower.open_account(balances={"USDT": "100000"})).connect()
    try:
        order = await client.api.order_market_buy(symbol="BTCUSDT", quantity="0.01")
        assert order["status"] == "FILLED"
        best = Decimal(depth(source)["asks"][0][0])
        assert abs(Decimal(order["fills"][0]["price"]) / best - 1) < Decimal("0.01")
        source.request("POST", "/paper/v1/disconnect", {"target": "streams"})
        wait_for(lambda: follower.request("GET", "/paper/v1/feed")["state"], lambda state: state == "running")
        wait_for(lambda: depth(follower), lambda book: bool(book["asks"]))
        source.kill()
        wait_for(lambda: depth(follower), lambda book: not book["asks"])
        starved = await client.api.order_market_buy(symbol="BTCUSDT", quantity="0.01")
        assert (starved["status"], starved["executedQty"]) == ("EXPIRED", "0.00000000")
    finally:
        await client.close()
