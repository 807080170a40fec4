"""Binance's own SDK as the judge: it runs unmodified, and its models reject a wrong type or an unknown key."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from binance_common.configuration import ConfigurationRestAPI
from binance_sdk_spot.rest_api.models import (
    AccountCommissionResponse,
    DeleteOrderResponse,
    DepthResponse,
    ExchangeInfoResponse,
    GetAccountResponse,
    GetOrderResponse,
    MyTradesResponse,
    NewOrderResponse,
    OrderListOcoResponse,
)
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import BalanceUpdate, ExecutionReport, ListStatus, OutboundAccountPosition
from binance_sdk_spot.websocket_streams.models import (
    AggTradeResponse,
    BookTickerResponse,
    DiffBookDepthResponse,
    KlineResponse,
    MiniTickerResponse,
    TickerResponse,
    TradeResponse,
)
from websockets.asyncio.client import connect

from tests.contract.paper.conftest import DEADLINE_SECONDS, Client, receive
from tests.support.paper import PaperProcess

D = Decimal
STREAMS = {
    "btcusdt@trade": TradeResponse,
    "btcusdt@aggTrade": AggTradeResponse,
    "btcusdt@bookTicker": BookTickerResponse,
    "btcusdt@depth@100ms": DiffBookDepthResponse,
    "btcusdt@kline_1m": KlineResponse,
    "btcusdt@miniTicker": MiniTickerResponse,
    "btcusdt@ticker": TickerResponse,
}
EVENTS = {
    "executionReport": ExecutionReport,
    "outboundAccountPosition": OutboundAccountPosition,
    "balanceUpdate": BalanceUpdate,
    "listStatus": ListStatus,
}


@pytest.fixture
def account(paper: PaperProcess) -> dict[str, Any]:
    """Keys of an account that can pay."""
    return paper.open_account(balances={"USDT": "100000", "BTC": "2"})


def find_unknown_keys(model: Any, place: str = "") -> list[str]:
    """List the keys that a model did not expect, in it and in everything below it."""
    found = [f"{place}.{key}" for key in getattr(model, "additional_properties", None) or {}]
    for name in getattr(type(model), "model_fields", {}):
        if name == "additional_properties":
            continue
        value = getattr(model, name)
        for child in value if isinstance(value, list) else [value]:
            found += find_unknown_keys(child, f"{place}.{name}")
    return found


def judge(model: Any, data: Any) -> Any:
    """Read data with a model of the SDK; raises when a type or a key is not Binance's."""
    read = model.from_dict(data)
    assert find_unknown_keys(read) in ([], [".e"])
    return read


def trade_with_the_sdk(paper: PaperProcess, account: dict[str, Any]) -> None:
    """Use the SDK's REST client as its documentation does and look at each answer."""
    rest: Any = Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=account["apiKey"], api_secret=account["apiSecret"], base_path=paper.http, timeout=30_000, retries=0
        )
    ).rest_api
    bought = rest.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01).data()
    assert isinstance(bought, NewOrderResponse)
    assert bought.status == "FILLED"
    order = rest.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=50000.0
    ).data()
    last = round(float(rest.ticker_price(symbol="BTCUSDT").data().actual_instance.price))
    answers = {
        GetOrderResponse: rest.get_order(symbol="BTCUSDT", order_id=order.order_id).data(),
        DeleteOrderResponse: rest.delete_order(symbol="BTCUSDT", order_id=order.order_id).data(),
        OrderListOcoResponse: rest.order_list_oco(
            symbol="BTCUSDT",
            side="SELL",
            quantity=0.1,
            above_type="LIMIT_MAKER",
            above_price=last + 20000.0,
            below_type="STOP_LOSS",
            below_stop_price=last - 20000.0,
        ).data(),
        GetAccountResponse: rest.get_account().data(),
        AccountCommissionResponse: rest.account_commission(symbol="BTCUSDT").data(),
        ExchangeInfoResponse: rest.exchange_info().data(),
        DepthResponse: rest.depth(symbol="BTCUSDT").data(),
    }
    for model, answer in answers.items():
        assert isinstance(answer, model)
        assert find_unknown_keys(answer) == []
    trades = rest.my_trades(symbol="BTCUSDT").data()
    assert all(isinstance(trade, MyTradesResponse) for trade in trades)
    assert sum(D(trade.qty) for trade in trades) == D("0.01")


async def test_rest_and_user_events(paper: PaperProcess, account: dict[str, Any]) -> None:
    client = await Client(paper, account).connect()
    try:
        async with client.sockets.user_socket() as events:
            await asyncio.to_thread(trade_with_the_sdk, paper, account)
            paper.request("POST", f"/paper/v1/accounts/{account['account']}/balances", {"asset": "USDT", "amount": "5"})
            missing = set(EVENTS)
            while missing:
                event = await receive(events)
                judge(EVENTS[event["e"]], event)
                missing.discard(event["e"])
    finally:
        await client.close()


async def test_market_streams(paper: PaperProcess) -> None:
    missing = set(STREAMS)
    async with connect(f"{paper.websocket}/stream?streams={'/'.join(STREAMS)}") as socket:
        while missing:
            message = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))
            judge(STREAMS[message["stream"]], message["data"])
            missing.discard(message["stream"])
