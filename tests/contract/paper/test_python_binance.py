"""A day of an unmodified python-binance: market data, orders by REST and WebSocket API, streams and user events."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.paper.conftest import Client, binance, receive, receive_until
from tests.support.paper import PaperProcess

D = Decimal


async def test_market_data(client: Client) -> None:
    api = client.api
    info = await api.get_symbol_info("BTCUSDT")
    assert {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"} <= {each["filterType"] for each in info["filters"]}
    depth = await api.get_order_book(symbol="BTCUSDT", limit=20)
    assert len(depth["bids"]) == len(depth["asks"]) == 20
    assert D(depth["bids"][0][0]) < D(depth["asks"][0][0])
    klines = await api.get_klines(symbol="BTCUSDT", interval="1m", limit=60)
    assert len(klines) == 60
    assert {len(row) for row in klines} == {12}
    assert all(later[0] - earlier[0] == 60_000 for earlier, later in pairwise(klines))
    assert {row["symbol"] for row in await api.get_all_tickers()} == {"BTCUSDT", "ETHUSDT", "BNBUSDT"}
    ticker = await api.get_ticker(symbol="ETHUSDT")
    assert D(ticker["lowPrice"]) <= D(ticker["lastPrice"]) <= D(ticker["highPrice"])
    assert D((await api.get_avg_price(symbol="BTCUSDT"))["price"]) > 0
    assert D((await api.get_orderbook_ticker(symbol="BNBUSDT"))["bidPrice"]) > 0
    assert api.response.headers["x-mbx-used-weight-1m"] == api.response.headers["x-mbx-used-weight"]


async def test_orders_by_rest_with_user_events(client: Client, paper: PaperProcess) -> None:
    api = client.api
    async with client.sockets.user_socket() as events:
        placed = await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert placed["status"] == "FILLED"
        assert api.response.headers["x-mbx-order-count-10s"].isdigit()
        seen = await receive_until(events, e="outboundAccountPosition")
        assert [event.get("x") for event in seen[:-1]] == ["NEW"] + ["TRADE"] * len(placed["fills"])
        assert [event["t"] for event in seen[1:-1]] == [fill["tradeId"] for fill in placed["fills"]]
        order = await api.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="50000")
        assert [each["orderId"] for each in await api.get_open_orders(symbol="BTCUSDT")] == [order["orderId"]]
        cancelled = await api.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
        assert cancelled["origClientOrderId"] == order["clientOrderId"]
        seen = await receive_until(events, x="CANCELED")
        assert (seen[-1]["C"], seen[-1]["c"]) == (order["clientOrderId"], cancelled["clientOrderId"])
    trades = await api.get_my_trades(symbol="BTCUSDT")
    assert [trade["id"] for trade in trades] == [fill["tradeId"] for fill in placed["fills"]]
    witness = paper.account_state(client.account)
    balances = {each["asset"]: each["free"] for each in (await api.get_account())["balances"]}
    assert balances == {asset: each["free"] for asset, each in witness["balances"].items()}
    assert D(balances["BTC"]) == 2 + D("0.01") - sum(D(trade["commission"]) for trade in trades)


async def test_orders_by_the_websocket_api(client: Client) -> None:
    api = client.api
    assert "serverTime" in await api.ws_get_time()
    order = await api.ws_create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="50000"
    )
    assert order["status"] == "NEW"
    assert (await api.ws_get_order(symbol="BTCUSDT", orderId=order["orderId"]))["isWorking"] is True
    assert len(await api.ws_get_open_orders(symbol="BTCUSDT")) == 1
    assert (await api.ws_cancel_order(symbol="BTCUSDT", orderId=order["orderId"]))["status"] == "CANCELED"
    assert (await api.ws_get_account())["canTrade"] is True
    assert len(await api.ws_get_all_orders(symbol="BTCUSDT")) == 1
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await api.ws_cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
    assert (caught.value.code, caught.value.message) == (-2011, "Unknown order sent.")


async def test_order_lists(client: Client) -> None:
    api = client.api
    last = D((await api.get_symbol_ticker(symbol="BTCUSDT"))["price"]).quantize(D(1))
    placed = await api.create_oco_order(
        symbol="BTCUSDT",
        side="SELL",
        quantity="0.1",
        aboveType="LIMIT_MAKER",
        abovePrice=str(last + 20000),
        belowType="STOP_LOSS_LIMIT",
        belowStopPrice=str(last - 20000),
        belowPrice=str(last - 20100),
        belowTimeInForce="GTC",
    )
    assert (placed["contingencyType"], len(placed["orderReports"])) == ("OCO", 2)
    assert len(await api.get_open_orders(symbol="BTCUSDT")) == 2
    cancelled = await api.cancel_all_open_orders(symbol="BTCUSDT")
    assert {each["status"] for each in cancelled} == {"CANCELED"}


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        ({"quantity": "0.000001", "price": "50000"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00001", "price": "50000"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "1", "price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "5", "price": "50000"}, -2010, "Account has insufficient balance for requested action."),
        ({"quantity": "1", "price": "5e4"}, -1100, None),
    ],
)
async def test_refusals(client: Client, parameters: dict[str, str], code: int, message: str | None) -> None:
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await client.api.create_order(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", **parameters)
    assert (caught.value.status_code, caught.value.code) == (400, code)
    assert message in {None, caught.value.message}


async def test_wrong_keys(client: Client, paper: PaperProcess) -> None:
    account = paper.open_account()
    stranger = await Client(paper, {**account, "apiSecret": "wrong"}).connect()
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await stranger.api.get_account()
    assert (caught.value.status_code, caught.value.code) == (400, -1022)
    await stranger.close()
    nobody = await Client(paper, {"account": 0, "apiKey": "unknown", "apiSecret": "x"}).connect()
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await nobody.api.get_account()
    assert (caught.value.status_code, caught.value.code) == (401, -2015)
    await nobody.close()
    client.api.timestamp_offset -= 60_000
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await client.api.get_account()
    assert caught.value.message == "Timestamp for this request is outside of the recvWindow."


async def test_streams_fit_together(client: Client) -> None:
    """Trades come without a hole, diffs of the book follow each other, and every kind of stream speaks."""
    names = [
        "btcusdt@trade",
        "btcusdt@aggTrade",
        "btcusdt@bookTicker",
        "btcusdt@depth@100ms",
        "btcusdt@depth5@100ms",
        "btcusdt@depth20",
        "btcusdt@kline_1m",
        "btcusdt@miniTicker",
        "btcusdt@ticker",
        "!miniTicker@arr",
    ]
    seen: dict[str, list[Any]] = {name: [] for name in names}
    async with client.sockets.multiplex_socket(names) as socket:
        while not all(seen.values()) or len(seen["btcusdt@trade"]) < 20 or len(seen["btcusdt@depth@100ms"]) < 5:
            message = await receive(socket)
            seen[message["stream"]].append(message["data"])
    ids = [trade["t"] for trade in seen["btcusdt@trade"]]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    diffs = seen["btcusdt@depth@100ms"]
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(diffs))
    assert len(seen["btcusdt@depth5@100ms"][0]["bids"]) == 5
    assert "e" not in seen["btcusdt@bookTicker"][0]
