"""A recording is replayed exactly: every id, price and quantity, in order, and fills only where it justifies them."""

import asyncio
import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.contract.paper.conftest import DEADLINE_SECONDS, Client
from tests.support.paper import PaperProcess

DATA = Path(__file__).parents[3].parent / "shared" / "data"
TRADES = DATA / "btcusdt-trades-2021-01-08.csv"
QUOTES = DATA / "btcusdt-quotes-2021-01-08.csv"
BID = Decimal("39448.79")


@pytest.fixture
def recorded() -> list[dict[str, str]]:
    """The recorded trades."""
    with TRADES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_every_trade_arrives_as_recorded(paper_log: Path, recorded: list[dict[str, str]]) -> None:
    flags = ("--feed", "replay", "--trades", str(TRADES), "--quotes", str(QUOTES), "--speed", "20", "--start-paused")
    paper = PaperProcess(paper_log, *flags)
    client = await Client(paper, paper.open_account(balances={"USDT": "100000"})).connect()
    try:
        async with connect(f"{paper.websocket}/ws/btcusdt@trade") as socket:
            await client.api.order_limit_buy(symbol="BTCUSDT", quantity="1", price=str(BID))
            paper.request("POST", "/paper/v1/feed/start")
            seen = [json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS)) for _ in recorded]
        fills = paper.account_state(client.account)["fills"]
    finally:
        await client.close()
        paper.stop()
    assert [each["t"] for each in seen] == [int(row["trade_id"]) for row in recorded]
    assert [(Decimal(each["p"]), Decimal(each["q"]), each["m"]) for each in seen] == [
        (Decimal(row["price"]), Decimal(row["quantity"]), row["buyer_maker"] == "true") for row in recorded
    ]
    filled = sum(Decimal(fill["qty"]) for fill in fills)
    assert 0 < filled <= sold_at_our_price(recorded) + offered_at_our_price()
    assert {Decimal(fill["price"]) for fill in fills} == {BID}


def sold_at_our_price(recorded: list[dict[str, str]]) -> Decimal:
    """Sum what sellers sold at or below our bid."""
    rows = [row for row in recorded if row["buyer_maker"] == "true" and Decimal(row["price"]) <= BID]
    return sum((Decimal(row["quantity"]) for row in rows), Decimal(0))


def offered_at_our_price() -> Decimal:
    """Sum what the recorded quotes offered at or below our bid."""
    with QUOTES.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if Decimal(row["ask"]) <= BID]
    return sum((Decimal(row["ask_size"]) for row in rows), Decimal(0))
