"""A day of an unmodified python-binance: market data, orders by REST and WebSocket API, streams and user events."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.paper.conftest import (
    TOO_MUCH_WEIGHT,
    WINDOW_SECONDS,
    Client,
    ask_in_vain,
    binance,
    receive,
    receive_until,
    wait_out,
)
from tests.support.paper import PaperProcess
from tests.support.paper_orders import (
    SYMBOL,
    describe_every_order,
    describe_oco,
    describe_oto,
    describe_otoco,
    price_above,
    price_below,
)

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


async def ask_last_price(client: Client) -> Decimal:
    """Return the last price."""
    return D((await client.api.get_symbol_ticker(symbol=SYMBOL))["price"])


@pytest.mark.parametrize("prefix", ["", "ws_"])
async def test_every_order_type(client: Client, prefix: str) -> None:
    """By REST and by the WebSocket API: each type is taken, told alike afterwards, and goes when cancelled."""
    place, show, cancel = (getattr(client.api, f"{prefix}{verb}_order") for verb in ("create", "get", "cancel"))
    for sample in describe_every_order(await ask_last_price(client)):
        assert await getattr(client.api, f"{prefix}create_test_order")(**sample.parameters) == {}
        placed = await place(**sample.parameters)
        told = await show(symbol=SYMBOL, orderId=placed["orderId"])
        assert (told["type"], told["status"]) == (sample.parameters["type"], sample.status)
        assert told["clientOrderId"] == placed["clientOrderId"]
        if sample.status == "NEW":
            cancelled = await cancel(symbol=SYMBOL, origClientOrderId=placed["clientOrderId"])
            assert (cancelled["orderId"], cancelled["status"]) == (placed["orderId"], "CANCELED")
    assert await client.api.get_open_orders() == []
    balances = (await client.api.get_account())["balances"]
    assert {each["locked"] for each in balances} == {"0.00000000"}


async def test_replace_and_amend(client: Client) -> None:
    api = client.api
    low = price_below(await ask_last_price(client))
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.02", "price": low}
    first = await api.create_order(**order)
    mode = {"cancelReplaceMode": "STOP_ON_FAILURE"}
    second = await api.cancel_replace_order(**order, **mode, cancelOrderId=first["orderId"])
    assert (second["cancelResult"], second["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    third = await api.ws_cancel_and_replace_order(
        **order, **mode, cancelOrigClientOrderId=second["newOrderResponse"]["clientOrderId"]
    )
    order_id = third["newOrderResponse"]["orderId"]
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await api.cancel_replace_order(**order, **mode, cancelOrderId=first["orderId"])
    assert (caught.value.status_code, caught.value.code) == (400, -2022)
    amend = {"symbol": SYMBOL, "orderId": order_id, "newQty": "0.01"}
    amended = await api._ws_api_request("order.amend.keepPriority", signed=True, params=amend)
    assert (amended["amendedOrder"]["orderId"], D(amended["amendedOrder"]["qty"])) == (order_id, D("0.01"))
    assert [each["orderId"] for each in await api.ws_get_open_orders(symbol=SYMBOL)] == [order_id]
    assert [each["status"] for each in await api.ws_cancel_all_open_orders(symbol=SYMBOL)] == ["CANCELED"]


async def test_lists_come_alive_and_tell_it(client: Client) -> None:
    """A filled working order wakes what waits for it; user events tell of each list."""
    api = client.api
    last = await ask_last_price(client)
    low, high = price_below(last), price_above(last)
    async with client.sockets.user_socket() as events:
        waiting = await api.v3_post_order_list_oto(**describe_oto(low, high))
        assert [each["status"] for each in waiting["orderReports"]] == ["NEW", "PENDING_NEW"]
        assert (await api.v3_delete_order_list(symbol=SYMBOL, orderListId=waiting["orderListId"]))["listOrderStatus"]
        filled = await api.ws_create_oto_order(**describe_oto(high, high))
        pending = filled["orderReports"][1]["orderId"]
        assert (await api.get_order(symbol=SYMBOL, orderId=pending))["status"] == "NEW"
        await api.cancel_order(symbol=SYMBOL, orderId=pending)
        guarded = await api.ws_create_otoco_order(**describe_otoco(high, low, high))
        assert [each["type"] for each in await api.get_open_orders(symbol=SYMBOL)] == ["LIMIT_MAKER", "STOP_LOSS"]
        assert (await api.ws_get_oco_order(orderListId=guarded["orderListId"]))["listOrderStatus"] == "EXECUTING"
        assert len(await api.ws_get_oco_open_orders()) == 1
        ended = await api.ws_cancel_oco_order(symbol=SYMBOL, orderListId=guarded["orderListId"])
        assert ended["listOrderStatus"] == "ALL_DONE"
        plain = await api.ws_create_oco_order(**describe_oco(low, high))
        await api.v3_delete_order_list(symbol=SYMBOL, orderListId=plain["orderListId"])
        seen = await receive_until(events, e="listStatus", g=plain["orderListId"], L="ALL_DONE")
    told = {each["g"]: each["c"] for each in seen if each["e"] == "listStatus"}
    ids = [each["orderListId"] for each in (waiting, filled, guarded, plain)]
    assert told == dict(zip(ids, ["OTO", "OTO", "OTO", "OCO"], strict=True))
    assert ids == list(range(ids[0], ids[0] + 4))


async def test_reading_by_the_websocket_api(client: Client) -> None:
    api = client.api
    assert len((await api.ws_get_exchange_info(symbol=SYMBOL))["symbols"]) == 1
    assert len((await api.ws_get_order_book(symbol=SYMBOL, limit=5))["bids"]) == 5
    assert len(await api.ws_get_klines(symbol=SYMBOL, interval="1m", limit=30)) == 30
    assert len(await api.ws_get_recent_trades(symbol=SYMBOL, limit=10)) == 10
    assert len(await api.ws_get_aggregate_trades(symbol=SYMBOL, limit=10)) == 10
    assert D((await api.ws_get_ticker(symbol=SYMBOL))["lastPrice"]) > 0
    assert D((await api.ws_get_symbol_ticker_window(symbol=SYMBOL, windowSize="1h"))["volume"]) > 0
    assert D((await api.ws_get_orderbook_ticker(symbol=SYMBOL))["askPrice"]) > 0
    assert (await api.ws_get_commission_rates(symbol=SYMBOL))["symbol"] == SYMBOL
    assert await api.ws_get_my_trades(symbol=SYMBOL) == []
    assert await api.ws_get_prevented_matches(symbol=SYMBOL, orderId=1) == []
    assert {row["rateLimitType"] for row in await api.ws_get_account_rate_limits_orders()} == {"ORDERS"}


async def test_too_many_orders_and_recovery(tight: PaperProcess) -> None:
    """Unfilled orders are limited; what fills as a maker makes room again at once ("Unfilled Order Count")."""
    client = await Client(tight, tight.open_account(balances={"USDT": "100000"})).connect()
    other = await Client(tight, tight.open_account(balances={"BTC": "1"})).connect()
    try:
        bid = D((await client.api.get_orderbook_ticker(symbol=SYMBOL))["bidPrice"])
        order = {"symbol": SYMBOL, "quantity": "0.01", "price": str(bid + D("0.01"))}
        placed, refusal = await place_until_refused(client.api.order_limit_buy, order)
        assert (refusal.status_code, refusal.code) == (429, -1015)
        assert refusal.message == "Too many new orders; current limit is 5 orders per 10 SECOND."
        assert int(refusal.response.headers["Retry-After"]) <= 10
        assert len(await client.api.get_open_orders(symbol=SYMBOL)) == placed
        await other.api.order_market_sell(symbol=SYMBOL, quantity="0.01")
        assert (await client.api.order_limit_buy(**order))["status"] == "NEW"
        await client.api.cancel_all_open_orders(symbol=SYMBOL)
    finally:
        await client.close()
        await other.close()


async def test_too_much_weight_and_recovery(rationed: PaperProcess) -> None:
    """Who has used the window's weight up waits until it ends, as the refusal says, and goes on."""
    client = await Client(rationed, rationed.open_account()).connect()
    try:
        with pytest.raises(binance.exceptions.BinanceAPIException, match=TOO_MUCH_WEIGHT) as caught:
            await ask_in_vain(lambda: client.api.get_order_book(symbol=SYMBOL, limit=5000))
        assert (caught.value.status_code, caught.value.code) == (429, -1003)
        await wait_out(caught.value.response.headers["Retry-After"])
        assert (await client.api.order_market_buy(symbol=SYMBOL, quantity="0.01"))["status"] == "FILLED"
        assert int(client.api.response.headers[f"x-mbx-used-weight-{WINDOW_SECONDS}s"]) < 400
    finally:
        await client.close()


async def test_smart_order_routing(client: Client) -> None:
    """What it fills are allocations: no trade ids, and rows of their own."""
    api = client.api
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert await api.ws_create_test_sor_order(**order) == {}
    async with client.sockets.user_socket() as events:
        by_rest = await api.v3_post_sor_order(**order)
        [by_socket] = await api.ws_create_sor_order(**order)
        seen = await receive_until(events, e="executionReport", i=by_socket["orderId"], x="TRADE", X="FILLED")
    for placed in (by_rest, by_socket):
        assert (placed["status"], placed["usedSor"], placed["workingFloor"]) == ("FILLED", True, "SOR")
        assert {fill["matchType"] for fill in placed["fills"]} == {"ONE_PARTY_TRADE_REPORT"}
    fills = by_rest["fills"] + by_socket["fills"]
    assert [event["a"] for event in seen if event.get("x") == "TRADE"] == [fill["allocId"] for fill in fills]
    allocations = await api.ws_get_allocations(symbol=SYMBOL)
    assert [each["allocationId"] for each in allocations] == [fill["allocId"] for fill in fills]
    assert await api.get_my_trades(symbol=SYMBOL) == []
    with pytest.raises(binance.exceptions.BinanceAPIException, match=r"Invalid orderType\."):
        await api.v3_post_sor_order(symbol=SYMBOL, side="BUY", type="LIMIT_MAKER", quantity="0.01", price="50000")


async def place_until_refused(place: Any, order: dict[str, str]) -> tuple[int, Any]:
    """Place the same order until the exchange refuses it; a new window may begin on the way."""
    for placed in range(20):
        try:
            await place(**order)
        except binance.exceptions.BinanceAPIException as refusal:
            return placed, refusal
    raise AssertionError("20 orders in a row were taken")


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
    assert [each["orderListId"] for each in cancelled] == [placed["orderListId"]]
    assert [each["status"] for each in cancelled[0]["orderReports"]] == ["CANCELED", "CANCELED"]


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
