"""Nonsense of every kind, drawn from a seed, into each of three doors: refused, and never a crash."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from websockets.asyncio.client import connect
from yarl import URL

from stockade_paper.dispatch import ENDPOINTS
from stockade_paper.endpoints.call import Endpoint
from stockade_paper.endpoints.known_parameters import KNOWN
from tests.contract.paper.conftest import DEADLINE_SECONDS
from tests.support.paper import PaperProcess

REST_REQUESTS = 2000
WEBSOCKET_FRAMES = 2000
STREAM_CONNECTIONS = 60
NAMES = [
    *("symbol", "symbols", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice"),
    *("trailingDelta", "icebergQty", "orderId", "newClientOrderId", "newOrderRespType"),
    *("selfTradePreventionMode", "strategyId", "strategyType", "origClientOrderId", "recvWindow", "limit"),
    *("cancelReplaceMode", "cancelOrderId", "cancelRestrictions", "orderListId", "listClientOrderId", "fromId"),
    *("startTime", "endTime", "interval", "windowSize", "timeZone", "newQty", "aboveType", "abovePrice"),
    *("aboveStopPrice", "belowType", "belowPrice", "belowStopPrice", "belowTimeInForce", "workingType"),
    *("workingSide", "workingPrice", "workingQuantity", "workingTimeInForce", "pendingType", "pendingSide"),
    *("pendingPrice", "pendingQuantity", "pendingAboveType", "pendingAbovePrice", "pendingBelowType"),
    *("pendingBelowStopPrice", "computeCommissionRates", "omitZeroBalances", "symbolStatus", "permissions"),
    *("preventedMatchId", "subscriptionId"),
]
GOOD = {
    "symbol": ["BTCUSDT", "ETHUSDT"],
    "symbols": ['["BTCUSDT"]', '["BTCUSDT","ETHUSDT"]'],
    "side": ["BUY", "SELL"],
    "type": ["LIMIT", "MARKET", "STOP_LOSS", "LIMIT_MAKER", "TAKE_PROFIT_LIMIT", "FULL", "MINI"],
    "timeInForce": ["GTC", "IOC", "FOK"],
    "quantity": ["0.01", "1"],
    "price": ["50000", "60000.5"],
    "interval": ["1m", "1h", "1M"],
    "windowSize": ["1m", "4h", "7d"],
    "limit": ["1", "1000"],
    "orderId": ["1", "2", "3"],
    "aboveType": ["LIMIT_MAKER", "STOP_LOSS"],
    "belowType": ["LIMIT_MAKER", "STOP_LOSS"],
    "workingType": ["LIMIT"],
    "pendingType": ["LIMIT", "MARKET"],
    "cancelReplaceMode": ["STOP_ON_FAILURE", "ALLOW_FAILURE"],
}
NASTY = [
    *("", " ", "0", "-1", "00", "1e5", ".5", "5.", "+1", "NaN", "Infinity", "null", "true", "[]", "{}", '["', '[""]'),
    *("[" * 3000, '["A"' * 500, "9" * 19, "9" * 20, "9" * 21, "9" * 5000, "0." + "1" * 20, "1" * 20 + ".99999999"),
    *("btcusdt", "BTC USDT", "\u0661", "\uff11", "\u00e9", "\U0001f600", "\x00", "\r\n", "%00"),
    *(
        "%",
        "&",
        "=",
        "'",
        '"',
        "0.000000001",
        "18446744073709551616",
        "-9223372036854775809",
        "A" * 4000,
        "1s",
        "0m",
        "9d",
    ),
]
FRAMES = [
    *("", "{", "[]", "null", "1", '"x"', "[" * 5000, '{"a":' * 3000, '{"id":NaN}', '{"id":1e999,"method":"ping"}'),
    *('{"id":"\\ud800","method":"ping"}', '{"id":1,"method":"\\udfff"}', '{"id":[],"method":"ping"}', "\x00", "{}"),
    *('{"id":' + "9" * 5000 + ',"method":"ping"}', '{"id":1,"method":"ping","params":[]}', '{"id":{}}'),
    *('{"id":1,"method":"depth","params":{"symbol":"\\ud800"}}', '{"id":1,"method":"depth","params":{"\\ud800":1}}'),
    *('{"id":1,"method":"depth","params":"x"}', '{"id":1,"method":"","params":null}'),
]
METHODS: list[Any] = [
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST_SUBSCRIPTIONS",
    "SET_PROPERTY",
    "GET_PROPERTY",
    "DANCE",
    "",
    None,
    1,
    [],
]

LISTS: list[Any] = [[], ["x"], [1], "x", None, {}, [None], [[]], ["\x00"], ["btcusdt@depth99"], ["a"] * 2000]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """An exchange without limits, whose log has to stay clean."""
    folder = tmp_path_factory.mktemp("fuzzed")
    config = folder / "paper.yaml"
    config.write_text(
        "weight_per_minute: 1000000000\norders_per_ten_seconds: 1000000000\norders_per_day: 1000000000\n"
        "history_minutes: 60\nseed: 7\n"
    )
    log: Path = folder / "log.txt"
    process = PaperProcess(log, "--config", str(config))
    yield process
    assert process.stop() == 0
    text = log.read_text(encoding="utf-8")
    assert "Traceback" not in text, text


def draw_parameters(source: random.Random, endpoint: Endpoint) -> dict[str, str]:
    """Draw some parameters: most of them right, so that the deeper code is reached, and a few of them nonsense.

    One in ten times there are some among them that the endpoint does not know; those are refused unread.
    """
    names = source.sample(NAMES, source.randint(0, 8)) + source.sample(sorted(GOOD), source.randint(2, 8))
    values = {}
    for name in names:
        pool = GOOD.get(name, NASTY)
        values[name] = source.choice(NASTY) if source.random() < 0.15 else source.choice(pool)
    if source.random() < 0.1 or endpoint.rest is None:
        return values
    return {name: value for name, value in values.items() if name in KNOWN.get(endpoint.rest, frozenset())}


def sign(text: str, secret: str) -> str:
    """Sign as clients do."""
    return hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


async def test_rest(fuzzed: PaperProcess) -> None:
    source = random.Random(1)  # noqa: S311 - a seed is what makes a fuzz run repeatable
    account = fuzzed.open_account(balances={"USDT": "1000000", "BTC": "10"})
    endpoints = [endpoint for endpoint in ENDPOINTS if endpoint.rest is not None]
    statuses: dict[int, int] = {}
    async with aiohttp.ClientSession(headers={"X-MBX-APIKEY": account["apiKey"]}) as http:
        for _ in range(REST_REQUESTS):
            endpoint = source.choice(endpoints)
            assert endpoint.rest is not None
            verb, path = endpoint.rest
            values = draw_parameters(source, endpoint)
            pairs = [f"{name}={quote(value)}" for name, value in values.items()]
            if source.random() < 0.1:
                pairs.append(source.choice(["&&", "=", "a", "%zz=1", "symbol=BTCUSDT", "x=%ff%fe", "signature=0"]))
            pairs.append(f"timestamp={time.time_ns() // 1_000_000}")
            text = "&".join(pairs)[:7000]
            if endpoint.signed:
                text += f"&signature={sign(text, account['apiSecret'])}"
            in_body = verb != "GET" and source.random() < 0.5
            address = f"{fuzzed.http}{path}" if in_body else f"{fuzzed.http}{path}?{text}"
            body = text if in_body else None
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            async with http.request(verb, URL(address, encoded=True), data=body, headers=form) as answer:
                assert answer.status < 500, (verb, path, text)
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                assert isinstance(json.loads(await answer.text()), dict | list)
    print(dict(sorted(statuses.items())))
    assert statuses[200] > 30
    assert statuses[400] > 300


async def test_websocket_api(fuzzed: PaperProcess) -> None:
    source = random.Random(2)  # noqa: S311 - a seed is what makes a fuzz run repeatable
    account = fuzzed.open_account(balances={"USDT": "1000000", "BTC": "10"})
    endpoints = [endpoint for endpoint in ENDPOINTS if endpoint.websocket is not None]
    statuses: dict[int, int] = {}
    async with connect(f"{fuzzed.websocket}/ws-api/v3") as socket:
        for number in range(WEBSOCKET_FRAMES):
            if source.random() < 0.2:
                frame = source.choice(FRAMES)
            else:
                endpoint = source.choice(endpoints)
                values: dict[str, Any] = dict(draw_parameters(source, endpoint))
                values["timestamp"] = str(time.time_ns() // 1_000_000)
                if endpoint.signed:
                    values["apiKey"] = account["apiKey"]
                    text = "&".join(f"{name}={values[name]}" for name in sorted(values))
                    values["signature"] = sign(text, account["apiSecret"])
                elif "limit" in values:
                    values["limit"] = source.choice([None, True, 1, 1.5, [], {}, [[]]])
                frame = json.dumps({"id": number, "method": endpoint.websocket, "params": values})
            await socket.send(frame)
            answer = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))
            assert 200 <= answer["status"] < 500, frame
            statuses[answer["status"]] = statuses.get(answer["status"], 0) + 1
    print(dict(sorted(statuses.items())))
    assert statuses[200] > 30
    assert statuses[400] > 300


async def test_streams(fuzzed: PaperProcess) -> None:
    """Four commands on each connection, for a fifth in the same second would end it."""
    source = random.Random(3)  # noqa: S311 - a seed is what makes a fuzz run repeatable
    for _ in range(STREAM_CONNECTIONS):
        path = source.choice(
            ["/ws", "/stream", "/ws/x", "/stream?streams=", "/ws/%00", "/ws/a//b", "/stream?streams=%ff"]
        )
        async with connect(f"{fuzzed.websocket}{path}") as socket:
            for number in range(4):
                command = {"method": source.choice(METHODS), "params": source.choice(LISTS), "id": number}
                await socket.send(source.choice([json.dumps(command), source.choice(FRAMES)]))
                answer = json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))
                assert answer.keys() & {"result", "code", "error"}, command
