"""A day of an unmodified ccxt.pro: market streams, user stream and orders by the WebSocket API."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable
from decimal import Decimal
from typing import Any

import ccxt.pro as ccxt  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.contract.paper.conftest import DEADLINE_SECONDS, TOO_MUCH_WEIGHT, aim_ccxt
from tests.support.paper import PaperProcess
from tests.support.paper_orders import (
    describe_every_order,
    describe_oco,
    describe_oto,
    describe_otoco,
    price_above,
    price_below,
)

SYMBOL = "BTC/USDT"
UNIFIED_STATUS = {"NEW": "open", "FILLED": "closed", "EXPIRED": "expired"}


@pytest.fixture
async def exchange(paper: PaperProcess) -> AsyncIterator[Any]:
    """A ccxt.pro exchange with an account of its own."""
    made = ccxt.binance(aim_ccxt(paper, paper.open_account(balances={"USDT": "100000", "BTC": "2"})))
    await made.load_markets()
    yield made
    await made.close()


async def soon(answer: Awaitable[Any]) -> Any:
    """Wait for one answer or message."""
    return await asyncio.wait_for(answer, DEADLINE_SECONDS)


async def ask_last_price(exchange: Any) -> Decimal:
    """Return the last price."""
    return Decimal(str((await exchange.fetch_ticker(SYMBOL))["last"]))


async def test_market_streams(exchange: Any) -> None:
    book = await soon(exchange.watch_order_book(SYMBOL))
    nonce = book["nonce"]
    book = await soon(exchange.watch_order_book(SYMBOL))
    assert book["nonce"] > nonce
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await soon(exchange.watch_trades(SYMBOL)))[-1]["price"] > 0
    assert (await soon(exchange.watch_ticker(SYMBOL)))["last"] > 0
    assert (await soon(exchange.watch_bids_asks([SYMBOL])))[SYMBOL]["bid"] > 0
    assert len((await soon(exchange.watch_ohlcv(SYMBOL, "1m")))[-1]) == 6
    await soon(exchange.un_watch_trades(SYMBOL))


async def test_user_stream(exchange: Any) -> None:
    """Orders, fills and balances arrive; the subscription is `userDataStream.subscribe.signature`."""
    balances = asyncio.ensure_future(exchange.watch_balance())
    orders = asyncio.ensure_future(exchange.watch_orders(SYMBOL))
    trades = asyncio.ensure_future(exchange.watch_my_trades(SYMBOL))
    while not {orders, trades, balances} <= {task for task in (orders, trades, balances) if task.done()}:
        # The subscription is answered only after the first request that a watcher makes; trade until it has heard.
        await exchange.create_order(SYMBOL, "market", "buy", 0.001)
        await asyncio.wait([orders, trades, balances], timeout=1, return_when=asyncio.ALL_COMPLETED)
    assert (await trades)[0]["side"] == "buy"
    assert (await orders)[0]["symbol"] == SYMBOL
    assert (await balances)["BTC"]["free"] > 2
    low = price_below(await ask_last_price(exchange))
    placed = await exchange.create_order(SYMBOL, "limit", "buy", 0.01, low)
    seen: dict[str, Any] = {}
    while placed["id"] not in seen:
        seen |= {order["id"]: order for order in await soon(exchange.watch_orders(SYMBOL))}
    assert seen[placed["id"]]["status"] == "open"


async def test_every_order_type(exchange: Any) -> None:
    for sample in describe_every_order(await ask_last_price(exchange)):
        values = dict(sample.parameters)
        values.pop("symbol")
        kind, side = values.pop("type"), values.pop("side").lower()
        amount, price = values.pop("quantity", None), values.pop("price", None)
        placed = await soon(exchange.create_order_ws(SYMBOL, kind, side, amount, price, values))
        told = await soon(exchange.fetch_order_ws(placed["id"], SYMBOL))
        assert (told["info"]["type"], told["status"]) == (kind, UNIFIED_STATUS[sample.status])
        if sample.status == "NEW":
            await soon(exchange.cancel_order_ws(placed["id"], SYMBOL))
    assert await soon(exchange.fetch_open_orders_ws(SYMBOL)) == []


async def test_replace_cancel_and_queries(exchange: Any) -> None:
    low = price_below(await ask_last_price(exchange))
    order = await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 0.01, low))
    edited = await soon(exchange.edit_order_ws(order["id"], SYMBOL, "limit", "buy", 0.02, low))
    assert edited["amount"] == 0.02
    await soon(exchange.create_order_ws(SYMBOL, "limit", "sell", 0.01, price_above(await ask_last_price(exchange))))
    assert len(await soon(exchange.cancel_all_orders_ws(SYMBOL))) == 2
    assert len(await soon(exchange.fetch_orders_ws(SYMBOL))) == 3
    await soon(exchange.create_order_ws(SYMBOL, "market", "buy", 0.01))
    assert len(await soon(exchange.fetch_my_trades_ws(SYMBOL))) >= 1
    # This version of ccxt leaves the assets of a spot account unread here; what came stands in `info`.
    assert [each["asset"] for each in (await soon(exchange.fetch_balance_ws()))["info"]["balances"]] == ["BTC", "USDT"]
    assert len(await soon(exchange.fetch_ohlcv_ws(SYMBOL, "1m", limit=10))) == 10
    assert len(await soon(exchange.fetch_trades_ws(SYMBOL, limit=10))) == 10


async def test_refusals(exchange: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 5, 50000))
    with pytest.raises(ccxt.OrderNotFound):
        await soon(exchange.cancel_order_ws("999999", SYMBOL))
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await soon(exchange.create_order_ws(SYMBOL, "LIMIT_MAKER", "buy", 0.01, 100000))
    # Over the socket this version sends its own word `postOnly` too, which Binance does not know.
    with pytest.raises(ccxt.BadRequest, match="Not all sent parameters were read"):
        await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 0.01, 100000, {"postOnly": True}))


async def test_too_many_orders_and_recovery(tight: PaperProcess) -> None:
    exchange = ccxt.binance(aim_ccxt(tight, tight.open_account(balances={"USDT": "100000"})))
    other = ccxt.binance(aim_ccxt(tight, tight.open_account(balances={"BTC": "1"})))
    try:
        bid = (await exchange.fetch_bids_asks([SYMBOL]))[SYMBOL]["bid"]
        order = (SYMBOL, "limit", "buy", 0.01, bid + 0.01)
        with pytest.raises(ccxt.RateLimitExceeded, match="-1015"):
            await asyncio.gather(*(exchange.create_order_ws(*order) for _ in range(20)))
        await soon(other.create_order_ws(SYMBOL, "market", "sell", 0.01))
        assert (await soon(exchange.create_order_ws(*order)))["status"] == "open"
        await soon(exchange.cancel_all_orders_ws(SYMBOL))
    finally:
        await exchange.close()
        await other.close()


async def test_lists_and_amending_reach_the_user_stream(exchange: Any) -> None:
    """ccxt.pro places lists by REST; what becomes of their orders comes by the stream."""
    watching = asyncio.ensure_future(exchange.watch_orders(SYMBOL))
    while not watching.done():
        # The subscription is answered only after the first request that a watcher makes.
        await exchange.create_order(SYMBOL, "market", "buy", 0.001)
        await asyncio.wait([watching], timeout=1)
    last = await ask_last_price(exchange)
    low, high = price_below(last), price_above(last)
    placed = [
        await exchange.private_post_orderlist_oco(describe_oco(low, high)),
        await exchange.private_post_orderlist_oto(describe_oto(high, high)),
        await exchange.private_post_orderlist_otoco(describe_otoco(low, low, high)),
    ]
    order = await soon(exchange.create_order_ws(SYMBOL, "limit", "buy", 0.02, low))
    amend = {"symbol": "BTCUSDT", "orderId": order["id"], "newQty": "0.01"}
    await exchange.request("order/amend/keepPriority", ["private"], "PUT", amend)
    await exchange.cancel_all_orders(SYMBOL)
    expected = {order["id"]: "canceled"}
    for answer, statuses in zip(placed, (["canceled"] * 2, ["closed", "canceled"], ["canceled"] * 3), strict=True):
        expected |= dict(zip((str(each["orderId"]) for each in answer["orders"]), statuses, strict=True))
    seen: dict[str, Any] = {}
    while {number: seen.get(number, {}).get("status") for number in expected} != expected:
        seen |= {each["id"]: each for each in await soon(exchange.watch_orders(SYMBOL))}
    assert seen[order["id"]]["amount"] == 0.01


async def test_too_much_weight_and_recovery(rationed: PaperProcess) -> None:
    """The refusal tells the moment at which the window ends; after it the same session is served again."""
    exchange = ccxt.binance(aim_ccxt(rationed, rationed.open_account()))
    try:
        await exchange.load_markets()
        with pytest.raises(ccxt.RateLimitExceeded, match=TOO_MUCH_WEIGHT) as caught:
            await asyncio.gather(*(soon(exchange.fetch_trades_ws(SYMBOL, limit=1)) for _ in range(30)))
        told = re.search(r'"retryAfter":(\d+)', str(caught.value))
        assert told is not None, caught.value
        await asyncio.sleep(max(int(told[1]) / 1000 - time.time(), 0))
        order = await soon(exchange.create_order_ws(SYMBOL, "market", "buy", 0.01))
        assert order["status"] == "closed"
    finally:
        await exchange.close()
