"""A day of an unmodified ccxt by REST: markets, candles, every order, and its reading of our errors."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.contract.paper.conftest import TOO_MUCH_WEIGHT, aim_ccxt, ask_in_vain, wait_out
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
    """A ccxt exchange with an account of its own."""
    made = ccxt.binance(aim_ccxt(paper, paper.open_account(balances={"USDT": "100000", "BTC": "2"})))
    yield made
    await made.close()


async def test_market_data(exchange: Any) -> None:
    assert set(await exchange.load_markets()) == {"BTC/USDT", "ETH/USDT", "BNB/USDT"}
    market = exchange.market(SYMBOL)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert abs(exchange.milliseconds() - await exchange.fetch_time()) < 30_000
    candles = await exchange.fetch_ohlcv(SYMBOL, "5m", limit=20)
    assert len(candles) == 20
    assert all(low <= min(opened, close) <= max(opened, close) <= high for _, opened, high, low, close, _ in candles)
    assert (await exchange.fetch_ticker(SYMBOL))["last"] > 0
    assert set(await exchange.fetch_tickers()) == {"BTC/USDT", "ETH/USDT", "BNB/USDT"}
    assert set(await exchange.fetch_bids_asks()) == {"BTC/USDT", "ETH/USDT", "BNB/USDT"}
    book = await exchange.fetch_order_book(SYMBOL, 10)
    assert book["bids"][0][0] < book["asks"][0][0]
    trades = await exchange.fetch_trades(SYMBOL, limit=20)
    assert [trade["id"] for trade in trades] == sorted(trade["id"] for trade in trades)
    assert (await exchange.fetch_trading_fee(SYMBOL))["maker"] == pytest.approx(0.001)


async def test_a_day_of_ccxt(exchange: Any) -> None:
    bought = await exchange.create_order(SYMBOL, "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    order = await exchange.create_order(SYMBOL, "limit", "buy", 0.01, 50000)
    assert [each["id"] for each in await exchange.fetch_open_orders(SYMBOL)] == [order["id"]]
    edited = await exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, 49000)
    assert (edited["amount"], edited["price"]) == (0.02, 49000)
    assert (await exchange.fetch_order(order["id"], SYMBOL))["status"] == "canceled"
    assert (await exchange.cancel_order(edited["id"], SYMBOL))["status"] == "canceled"
    balance = await exchange.fetch_balance()
    assert balance["BTC"]["free"] == pytest.approx(2.00999)
    assert sum(trade["amount"] for trade in await exchange.fetch_my_trades(SYMBOL)) == pytest.approx(0.01)
    assert len(await exchange.fetch_orders(SYMBOL)) == 3
    assert [each["id"] for each in await exchange.fetch_closed_orders(SYMBOL)] == [bought["id"]]


async def test_every_order_type(exchange: Any) -> None:
    """What ccxt passes through comes back as ccxt reads it."""
    last = Decimal(str((await exchange.fetch_ticker(SYMBOL))["last"]))
    for sample in describe_every_order(last):
        values = dict(sample.parameters)
        values.pop("symbol")
        kind, side = values.pop("type"), values.pop("side").lower()
        amount, price = values.pop("quantity", None), values.pop("price", None)
        placed = await exchange.create_order(SYMBOL, kind, side, amount, price, values)
        told = await exchange.fetch_order(placed["id"], SYMBOL)
        assert told["status"] == UNIFIED_STATUS[sample.status]
        assert told["info"]["type"] == kind
        if sample.status == "NEW":
            await exchange.cancel_order(placed["id"], SYMBOL)
    assert await exchange.fetch_open_orders(SYMBOL) == []


async def test_lists_and_amending_by_raw_methods(exchange: Any) -> None:
    last = Decimal(str((await exchange.fetch_ticker(SYMBOL))["last"]))
    low, high = price_below(last), price_above(last)
    oco = await exchange.private_post_orderlist_oco(describe_oco(low, high))
    assert (oco["contingencyType"], oco["listOrderStatus"]) == ("OCO", "EXECUTING")
    await exchange.private_delete_orderlist({"symbol": "BTCUSDT", "orderListId": oco["orderListId"]})
    awaited = await exchange.private_post_orderlist_oto(describe_oto(high, high))
    assert [each["status"] for each in awaited["orderReports"]] == ["FILLED", "NEW"]
    assert [each["type"] for each in (await exchange.fetch_open_orders(SYMBOL))] == ["limit"]
    assert len(await exchange.cancel_all_orders(SYMBOL)) == 1
    guarded = await exchange.private_post_orderlist_otoco(describe_otoco(high, low, high))
    assert [each["orderListId"] for each in await exchange.private_get_openorderlist()] == [guarded["orderListId"]]
    assert len(await exchange.cancel_all_orders(SYMBOL)) == 1
    assert await exchange.fetch_open_orders(SYMBOL) == []
    order = await exchange.create_order(SYMBOL, "limit", "buy", 0.02, low)
    amend = {"symbol": "BTCUSDT", "orderId": order["id"], "newQty": "0.01"}
    amended = await exchange.request("order/amend/keepPriority", ["private"], "PUT", amend)
    assert amended["amendedOrder"]["qty"] == "0.01000000"
    assert (await exchange.fetch_order(order["id"], SYMBOL))["amount"] == 0.01


async def test_ccxt_understands_our_refusals(exchange: Any, paper: PaperProcess) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(SYMBOL, "limit", "buy", 5, 50000)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("999999", SYMBOL)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await exchange.create_order(SYMBOL, "limit", "buy", 0.01, 100000, {"postOnly": True})
    with pytest.raises(ccxt.BadSymbol):
        await exchange.public_get_depth({"symbol": "NOSUCH"})
    paper.arm("rest-status", status=429)
    with pytest.raises(ccxt.DDoSProtection):
        await exchange.fetch_time()
    assert await exchange.fetch_time() > 0
    paper.arm("order-timeout", executed=True)
    with pytest.raises(ccxt.RequestTimeout):
        await exchange.create_order(SYMBOL, "market", "buy", 0.01)
    assert len(await exchange.fetch_my_trades(SYMBOL)) >= 1
    exchange.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()


async def test_too_many_orders_and_recovery(tight: PaperProcess) -> None:
    """A full window refuses; a fill as maker makes room, and ccxt goes on."""
    exchange = ccxt.binance(aim_ccxt(tight, tight.open_account(balances={"USDT": "100000"})))
    other = ccxt.binance(aim_ccxt(tight, tight.open_account(balances={"BTC": "1"})))
    try:
        bid = (await exchange.fetch_bids_asks([SYMBOL]))[SYMBOL]["bid"]
        order = (SYMBOL, "limit", "buy", 0.01, bid + 0.01)
        with pytest.raises(ccxt.DDoSProtection, match="-1015"):
            await asyncio.gather(*(exchange.create_order(*order) for _ in range(20)))
        await other.create_order(SYMBOL, "market", "sell", 0.01)
        assert (await exchange.create_order(*order))["status"] == "open"
        await exchange.cancel_all_orders(SYMBOL)
    finally:
        await exchange.close()
        await other.close()


async def test_too_much_weight_and_recovery(rationed: PaperProcess) -> None:
    """Who waits for as long as the refusal says is served again."""
    exchange = ccxt.binance(aim_ccxt(rationed, rationed.open_account()))
    try:
        await exchange.load_markets()
        with pytest.raises(ccxt.DDoSProtection, match=TOO_MUCH_WEIGHT):
            await ask_in_vain(lambda: exchange.fetch_order_book(SYMBOL, 5000))
        await wait_out(exchange.last_response_headers["Retry-After"])
        assert (await exchange.create_order(SYMBOL, "market", "buy", 0.01))["status"] == "closed"
    finally:
        await exchange.close()


async def test_smart_order_routing(exchange: Any) -> None:
    routed = await exchange.create_order(SYMBOL, "market", "buy", 0.01, None, {"sor": True})
    assert (routed["status"], routed["filled"], routed["info"]["usedSor"]) == ("closed", 0.01, True)
    allocations = await exchange.private_get_myallocations({"symbol": "BTCUSDT"})
    assert sum(float(each["qty"]) for each in allocations) == pytest.approx(0.01)
