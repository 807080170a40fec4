"""A day of Binance's own SDK, unmodified: REST, WebSocket API and streams, each answer read by its strict models."""

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, TooManyRequestsError, UnauthorizedError
from binance_sdk_spot.spot import Spot
from cryptography.hazmat.primitives import serialization

from tests.contract.paper.conftest import DEADLINE_SECONDS, TOO_MUCH_WEIGHT, ask_in_vain, wait_out
from tests.contract.paper.test_websocket_api import make_key
from tests.support.paper import PaperProcess
from tests.support.paper_orders import (
    QUANTITY,
    SYMBOL,
    describe_every_order,
    describe_oco,
    describe_oto,
    describe_otoco,
    price_above,
    price_below,
)

# The SDK opens its sockets in a way that aiohttp has deprecated; nothing of ours can change that.
pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float' is deprecated:DeprecationWarning")
D = Decimal
COMMANDS_PER_SECOND = 4
STREAMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("trade", {}),
    ("agg_trade", {}),
    ("book_ticker", {}),
    ("mini_ticker", {}),
    ("ticker", {}),
    ("kline", {"interval": "1s"}),
    ("diff_book_depth", {"update_speed": "100ms"}),
    ("partial_book_depth", {"levels": "5", "update_speed": "100ms"}),
)


def open_rest(paper: PaperProcess, account: dict[str, Any]) -> Any:
    """Return the SDK's REST client for an account."""
    configuration = ConfigurationRestAPI(
        api_key=account["apiKey"], api_secret=account["apiSecret"], base_path=paper.http, timeout=30_000, retries=0
    )
    return Spot(config_rest_api=configuration).rest_api


@pytest.fixture
def rest(paper: PaperProcess) -> Any:
    """A REST client with an account of its own."""
    return open_rest(paper, paper.open_account(balances={"USDT": "100000", "BTC": "2"}))


@pytest.fixture
async def session(paper: PaperProcess, tmp_path: Path) -> AsyncIterator[Any]:
    """A connection to the WebSocket API that is logged on with an Ed25519 key."""
    private, pem = make_key("Ed25519")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(*form))
    account = paper.open_account(publicKey=pem, balances={"USDT": "100000", "BTC": "2"})
    configuration = ConfigurationWebSocketAPI(
        api_key=account["apiKey"], private_key=str(path), stream_url=f"{paper.websocket}/ws-api/v3", timeout=30_000
    )
    api: Any = Spot(config_ws_api=configuration).websocket_api
    connection = await api.create_connection()
    logged_on = (await connection.session_logon()).data()
    assert logged_on.result.api_key == account["apiKey"]
    yield connection
    await connection.close_connection(close_session=True)


def spell(parameters: dict[str, str]) -> dict[str, str]:
    """Write the names of parameters as the SDK has them: `timeInForce` is `time_in_force` there."""
    return {re.sub(r"([A-Z])", r"_\1", name).lower(): value for name, value in parameters.items()}


def test_market_data(rest: Any) -> None:
    assert rest.ping().status == 200
    assert rest.time().data().server_time > 0
    assert [each.symbol for each in rest.exchange_info(symbol=SYMBOL).data().symbols] == [SYMBOL]
    depth = rest.depth(symbol=SYMBOL, limit=20).data()
    assert D(depth.bids[0][0]) < D(depth.asks[0][0])
    assert len(rest.klines(symbol=SYMBOL, interval="1m", limit=5).data()) == 5
    trades = rest.get_trades(symbol=SYMBOL, limit=5).data()
    assert [trade.id for trade in trades] == list(range(trades[0].id, trades[0].id + 5))
    assert D(rest.ticker_price(symbol=SYMBOL).data().actual_instance.price) > 0
    assert rest.ticker24hr(symbol=SYMBOL).rate_limits[0].rateLimitType == "REQUEST_WEIGHT"


def test_every_order_type(rest: Any) -> None:
    last = D(rest.ticker_price(symbol=SYMBOL).data().actual_instance.price)
    for sample in describe_every_order(last):
        placed = rest.new_order(**spell(sample.parameters)).data()
        told = rest.get_order(symbol=SYMBOL, order_id=placed.order_id).data()
        assert (told.type, told.status) == (sample.parameters["type"], sample.status)
        if sample.status == "NEW":
            gone = rest.delete_order(symbol=SYMBOL, orig_client_order_id=placed.client_order_id).data()
            assert gone.status == "CANCELED"
    trades = rest.my_trades(symbol=SYMBOL).data()
    balances = {each.asset: D(each.free) + D(each.locked) for each in rest.get_account().data().balances}
    bought = sum(D(trade.qty) for trade in trades)
    assert balances["BTC"] == 2 + bought - sum(D(trade.commission) for trade in trades)
    assert balances["USDT"] == 100000 - sum(D(trade.quote_qty) for trade in trades)


def test_replace_amend_and_lists(rest: Any) -> None:
    last = D(rest.ticker_price(symbol=SYMBOL).data().actual_instance.price)
    low, high = price_below(last), price_above(last)
    limit = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": "0.02", "price": low}
    order = rest.new_order(**limit).data()
    mode = {"cancel_replace_mode": "STOP_ON_FAILURE"}
    replaced = rest.order_cancel_replace(**limit, **mode, cancel_order_id=order.order_id).data()
    order_id = replaced.new_order_response.order_id
    amended = rest.order_amend_keep_priority(symbol=SYMBOL, order_id=order_id, new_qty=QUANTITY).data()
    assert D(amended.amended_order.qty) == D(QUANTITY)
    assert [each.new_qty for each in rest.order_amendments(symbol=SYMBOL, order_id=order_id).data()] == ["0.01000000"]
    assert [each.status for each in rest.delete_open_orders(symbol=SYMBOL).data()] == ["CANCELED"]
    oco = rest.order_list_oco(**spell(describe_oco(low, high))).data()
    assert rest.delete_order_list(symbol=SYMBOL, order_list_id=oco.order_list_id).data().list_order_status == "ALL_DONE"
    oto = rest.order_list_oto(**spell(describe_oto(high, high))).data()
    assert [each.status for each in oto.order_reports] == ["FILLED", "NEW"]
    otoco = rest.order_list_otoco(**spell(describe_otoco(low, low, high))).data()
    assert [each.status for each in otoco.order_reports] == ["NEW", "PENDING_NEW", "PENDING_NEW"]
    assert len(rest.open_order_list().data()) == 2
    assert rest.get_order_list(order_list_id=otoco.order_list_id).data().contingency_type == "OTO"


def test_refusals(rest: Any, paper: PaperProcess) -> None:
    limit = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "price": "50000"}
    with pytest.raises(BadRequestError, match="LOT_SIZE"):
        rest.new_order(**limit, quantity="0.000001")
    with pytest.raises(BadRequestError, match="insufficient balance"):
        rest.new_order(**limit, quantity="9")
    with pytest.raises(BadRequestError, match=r"Unknown order sent\."):
        rest.delete_order(symbol=SYMBOL, order_id=999_999_999)
    with pytest.raises(UnauthorizedError):
        open_rest(paper, {"apiKey": "nobody", "apiSecret": "x"}).get_account()


def test_too_many_orders_and_recovery(tight: PaperProcess) -> None:
    rest = open_rest(tight, tight.open_account(balances={"USDT": "100000"}))
    other = open_rest(tight, tight.open_account(balances={"BTC": "1"}))
    bid = D(rest.ticker_book_ticker(symbol=SYMBOL).data().actual_instance.bid_price)
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": QUANTITY}
    order["price"] = str(bid + D("0.01"))
    with pytest.raises(TooManyRequestsError):
        place_many(rest, order)
    other.new_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity=QUANTITY)
    assert rest.new_order(**order).data().status == "NEW"
    rest.delete_open_orders(symbol=SYMBOL)


async def test_too_much_weight_and_recovery(rationed: PaperProcess) -> None:
    rest = open_rest(rationed, rationed.open_account())

    async def read_depth() -> Any:
        return await asyncio.to_thread(rest.depth, symbol=SYMBOL, limit=5000)

    with pytest.raises(TooManyRequestsError, match=TOO_MUCH_WEIGHT) as caught:
        await ask_in_vain(read_depth)
    await wait_out(caught.value.retry_after)
    assert rest.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY).data().status == "FILLED"


def test_smart_order_routing(rest: Any) -> None:
    assert [each.base_asset for each in rest.exchange_info(symbol=SYMBOL).data().sors] == ["BTC"]
    routed = rest.sor_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY).data()
    assert (routed.status, routed.used_sor, routed.working_floor) == ("FILLED", True, "SOR")
    allocations = rest.my_allocations(symbol=SYMBOL).data()
    assert [each.allocation_id for each in allocations] == [fill.alloc_id for fill in routed.fills]


def place_many(rest: Any, order: dict[str, str]) -> None:
    """Place more orders than any two windows allow."""
    for _ in range(20):
        rest.new_order(**order)


async def test_websocket_api_and_user_stream(session: Any) -> None:
    """Orders over a logged on session, and their events on the same connection."""
    subscription = await session.user_data_stream_subscribe()
    events: asyncio.Queue[Any] = asyncio.Queue()
    subscription.stream.on("message", events.put_nowait)
    last = D((await session.ticker_price(symbol=SYMBOL)).data().actual_instance.result.price)
    low, high = price_below(last), price_above(last)
    bought = (await session.order_place(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY)).data().result
    assert bought.status == "FILLED"
    told = [(await asyncio.wait_for(events.get(), DEADLINE_SECONDS)).actual_instance for _ in range(2)]
    assert [(event.x, event.i) for event in told] == [("NEW", bought.order_id), ("TRADE", bought.order_id)]
    limit = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": QUANTITY}
    order = (await session.order_place(**limit, price=low)).data().result
    shown = (await session.order_status(symbol=SYMBOL, order_id=order.order_id)).data().result
    assert (shown.status, shown.is_working) == ("NEW", True)
    assert (await session.order_cancel(symbol=SYMBOL, order_id=order.order_id)).data().result.status == "CANCELED"
    order = (await session.order_place(**limit | {"quantity": "0.02"}, price=low)).data().result
    mode = {"cancel_replace_mode": "STOP_ON_FAILURE", "cancel_order_id": order.order_id}
    replaced = (await session.order_cancel_replace(**limit | {"quantity": "0.02"}, price=low, **mode)).data().result
    order_id = replaced.new_order_response.order_id
    amended = (await session.order_amend_keep_priority(symbol=SYMBOL, order_id=order_id, new_qty=QUANTITY)).data()
    assert D(amended.result.amended_order.qty) == D(QUANTITY)
    assert len((await session.open_orders_cancel_all(symbol=SYMBOL)).data().result) == 1
    waiting = (await session.order_list_place_oto(**spell(describe_oto(low, high)))).data().result
    assert [each.status for each in waiting.order_reports] == ["NEW", "PENDING_NEW"]
    await session.order_list_cancel(symbol=SYMBOL, order_list_id=waiting.order_list_id)
    assert len((await session.klines(symbol=SYMBOL, interval="1m", limit=5)).data().result) == 5
    oco = (await session.order_list_place_oco(**spell(describe_oco(low, high)))).data().result
    ended = (await session.order_list_cancel(symbol=SYMBOL, order_list_id=oco.order_list_id)).data().result
    assert ended.list_order_status == "ALL_DONE"
    assert (await session.account_status()).data().result.can_trade is True
    assert (await session.session_status()).data().result.user_data_stream is True


async def test_streams(paper: PaperProcess) -> None:
    configuration = ConfigurationWebSocketStreams(stream_url=paper.websocket)
    streams: Any = Spot(config_ws_streams=configuration).websocket_streams
    connection = await streams.create_connection()
    queues: dict[str, asyncio.Queue[Any]] = {}
    try:
        for number, (name, details) in enumerate(STREAMS):
            if number and number % COMMANDS_PER_SECOND == 0:
                # Binance ends a connection that sends more than five messages in a second.
                await asyncio.sleep(1.1)
            queues[name] = asyncio.Queue()
            stream = await getattr(connection, name)(symbol=SYMBOL.lower(), **details)
            stream.on("message", queues[name].put_nowait)
        seen = {name: await asyncio.wait_for(queue.get(), DEADLINE_SECONDS) for name, queue in queues.items()}
    finally:
        await connection.close_connection(close_session=True)
    assert len(seen.pop("partial_book_depth").bids) == 5
    assert {message.s for message in seen.values()} == {SYMBOL}
