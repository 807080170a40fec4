"""Faults on demand, and what survives a kill: the witness says what happened, whatever the client was told."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.contract.paper.conftest import Client, binance, receive, receive_until
from tests.support.paper import PaperProcess
from tests.support.ports import find_free_port

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


async def test_lost_reply_of_an_accepted_order(client: Client, paper: PaperProcess) -> None:
    paper.arm("drop-order-reply")
    with pytest.raises((aiohttp.ClientError, binance.exceptions.BinanceRequestException)):
        await client.api.create_order(**BUY, newClientOrderId="lost")
    assert [order["clientOrderId"] for order in paper.account_state(client.account)["orders"]] == ["lost"]
    assert (await client.api.get_order(symbol="BTCUSDT", origClientOrderId="lost"))["status"] == "FILLED"


@pytest.mark.parametrize("executed", [True, False])
async def test_unknown_execution_status(client: Client, paper: PaperProcess, *, executed: bool) -> None:
    paper.arm("order-timeout", executed=executed)
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await client.api.create_order(**BUY)
    assert caught.value.code == -1007
    assert len(paper.account_state(client.account)["orders"]) == int(executed)


@pytest.mark.parametrize("status", [418, 429, 503])
async def test_rest_statuses(client: Client, paper: PaperProcess, status: int) -> None:
    paper.arm("rest-status", status=status)
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await client.api.get_server_time()
    assert caught.value.status_code == status
    assert ("Retry-After" in caught.value.response.headers) == (status in {418, 429})
    await client.api.get_server_time()


async def test_lost_and_doubled_user_events(client: Client, paper: PaperProcess) -> None:
    """An order that waits has one report and one balance event; how often one that takes trades is the market's say."""
    waiting = {"symbol": "BTCUSDT", "quantity": "0.01", "price": "50000"}
    async with client.sockets.user_socket() as events:
        paper.arm("lose-user-events")
        await client.api.order_limit_buy(**waiting)
        assert (await receive(events))["e"] == "outboundAccountPosition"
        paper.arm("duplicate-user-events")
        await client.api.order_limit_buy(**waiting)
        seen = await receive_until(events, e="outboundAccountPosition")
        assert [event.get("x") for event in seen] == ["NEW", "NEW", None]


async def test_disconnect_and_exchange_side_ends(client: Client, paper: PaperProcess) -> None:
    order = await client.api.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="50000")
    paper.request("POST", f"/paper/v1/orders/{order['orderId']}/expire")
    assert (await client.api.get_order(symbol="BTCUSDT", orderId=order["orderId"]))["status"] == "EXPIRED"
    async with client.sockets.trade_socket("BTCUSDT") as trades:
        await receive(trades)
        paper.request("POST", "/paper/v1/disconnect", {"target": "streams"})
        await receive_until(trades, e="error")
        await receive_until(trades, e="trade")
    paper.request("PUT", "/paper/v1/markets/BTCUSDT/status", {"status": "HALT"})
    try:
        with pytest.raises(binance.exceptions.BinanceAPIException, match=r"Market is closed\."):
            await client.api.create_order(**BUY)
    finally:
        paper.request("PUT", "/paper/v1/markets/BTCUSDT/status", {"status": "TRADING"})


async def test_kill_loses_nothing_that_was_told(paper_log: Path, tmp_path: Path) -> None:
    flags = ("--state", str(tmp_path / "state"), "--history-minutes", "10")
    paper = PaperProcess(paper_log, *flags, port=find_free_port())
    client = await Client(paper, paper.open_account(balances={"USDT": "10000"})).connect()
    try:
        tasks = [client.api.create_order(**BUY) for _ in range(5)]
        placed = await asyncio.gather(*tasks)
        rests = await client.api.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="40000")
    finally:
        paper.kill()
    before_ids = {order["orderId"] for order in [*placed, rests]}
    again = PaperProcess(tmp_path / "second.txt", *flags, port=paper.port)
    try:
        state = again.account_state(client.account)
        assert {order["orderId"] for order in state["orders"]} == before_ids
        assert [order["orderId"] for order in state["openOrders"]] == [rests["orderId"]]
        assert len(state["fills"]) == sum(len(order["fills"]) for order in placed)
        assert (await client.api.cancel_order(symbol="BTCUSDT", orderId=rests["orderId"]))["status"] == "CANCELED"
    finally:
        await client.close()
        again.stop()
