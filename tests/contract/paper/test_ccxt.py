"""An unmodified ccxt by REST: markets, candles, orders, and its reading of our errors."""

from collections.abc import AsyncIterator
from typing import Any

import ccxt.async_support as ccxt  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.support.paper import PaperProcess


@pytest.fixture
async def exchange(paper: PaperProcess) -> AsyncIterator[Any]:
    """A ccxt exchange with an account of its own."""
    account = paper.open_account(balances={"USDT": "10000"})
    api = f"{paper.http}/api/v3"
    made = ccxt.binance(
        {
            "apiKey": account["apiKey"],
            "secret": account["apiSecret"],
            "urls": {"api": {"public": api, "private": api, "sapi": f"{paper.http}/sapi/v1"}},
            "options": {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}},
        }
    )
    yield made
    await made.close()


async def test_a_day_of_ccxt(exchange: Any) -> None:
    assert set(await exchange.load_markets()) == {"BTC/USDT", "ETH/USDT", "BNB/USDT"}
    assert len(await exchange.fetch_ohlcv("BTC/USDT", "5m", limit=20)) == 20
    assert (await exchange.fetch_ticker("BTC/USDT"))["last"] > 0
    bought = await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    order = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 50000)
    assert [each["id"] for each in await exchange.fetch_open_orders("BTC/USDT")] == [order["id"]]
    assert (await exchange.cancel_order(order["id"], "BTC/USDT"))["status"] == "canceled"
    balance = await exchange.fetch_balance()
    assert balance["BTC"]["free"] == pytest.approx(0.00999)
    assert len(await exchange.fetch_my_trades("BTC/USDT")) >= 1


async def test_ccxt_understands_our_refusals(exchange: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USDT", "limit", "buy", 1, 50000)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("999999", "BTC/USDT")
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 100000, {"postOnly": True})
    exchange.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()
