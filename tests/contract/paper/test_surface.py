"""What few clients ask for: candles of another zone, microseconds, one-pays-the-other lists, unknown parameters."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.contract.paper.conftest import Client, binance, receive
from tests.support.paper import PaperProcess

FIRST_MICROSECOND_TIME = 10**15
EIGHT_HOURS_MS = 8 * 3_600_000


async def get(paper: PaperProcess, path: str, **headers: str) -> tuple[int, Any]:
    """Ask for a public address."""
    async with aiohttp.ClientSession() as session, session.get(f"{paper.http}{path}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_candles_of_another_zone(paper: PaperProcess) -> None:
    query = "/api/v3/klines?symbol=BTCUSDT&interval=1d&limit=1&timeZone="
    _, rows = await get(paper, f"{query}%2B8:00")
    assert (rows[0][0] + EIGHT_HOURS_MS) % 86_400_000 == 0
    status, refused = await get(paper, f"{query}25:00")
    assert (status, refused["code"]) == (400, -1100)
    async with connect(f"{paper.websocket}/ws/btcusdt@kline_1d@+08:00") as socket:
        assert json.loads(await receive(socket))["k"]["t"] == rows[0][0]


async def test_microseconds_through_every_door(paper: PaperProcess) -> None:
    _, told = await get(paper, "/api/v3/time", **{"X-MBX-TIME-UNIT": "microsecond"})
    assert told["serverTime"] > FIRST_MICROSECOND_TIME
    async with connect(f"{paper.websocket}/ws-api/v3?timeUnit=MICROSECOND") as socket:
        await socket.send('{"id": 1, "method": "time"}')
        assert json.loads(await receive(socket))["result"]["serverTime"] > FIRST_MICROSECOND_TIME
    async with (
        connect(f"{paper.websocket}/stream?streams=btcusdt@trade&timeUnit=MICROSECOND") as precise,
        connect(f"{paper.websocket}/ws/btcusdt@trade") as usual,
    ):
        data = json.loads(await receive(precise))["data"]
        assert data["T"] > FIRST_MICROSECOND_TIME > json.loads(await receive(usual))["T"]


async def test_unknown_parameters(client: Client, paper: PaperProcess) -> None:
    status, refused = await get(paper, "/api/v3/depth?symbol=BTCUSDT&colour=red")
    assert (status, refused["code"]) == (400, -1104)
    assert refused["msg"] == "Not all sent parameters were read; read '1' parameter(s) but was sent '2'."
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    for place in (client.api.create_order, client.api.ws_create_order):
        with pytest.raises(binance.exceptions.BinanceAPIException):
            await place(**order, price="50000", pegPriceType="PRIMARY_PEG")
    assert paper.account_state(client.account)["orders"] == []


async def test_one_pays_the_other(client: Client, paper: PaperProcess) -> None:
    price = Decimal((await client.api.get_symbol_ticker(symbol="BTCUSDT"))["price"])
    order = {
        "symbol": "BTCUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingTimeInForce": "GTC",
        "workingPrice": str((price * Decimal("1.02")).quantize(Decimal("0.01"))),
        "workingQuantity": "0.01001",
        "pendingType": "LIMIT_MAKER",
        "pendingSide": "SELL",
        "pendingPrice": str((price * Decimal("1.2")).quantize(Decimal("0.01"))),
    }
    placed = await client.api._request_api("post", "orderList/opo", signed=True, data=dict(order))
    assert [report["status"] for report in placed["orderReports"]] == ["FILLED", "NEW"]
    # 0.01001 bought, a thousandth of it paid as fee, in whole steps.
    assert placed["orderReports"][1]["origQty"] == "0.00999000"
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await client.api._request_api("post", "orderList/opo", signed=True, data={**order, "pendingSide": "BUY"})
    assert caught.value.code == -1223
    await asyncio.wait_for(client.api.cancel_order(symbol="BTCUSDT", orderId=placed["orders"][1]["orderId"]), 30)
