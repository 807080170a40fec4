"""What an answer of the exchange means: done, refused, unknown, or not for a while; and what it says of its limits."""

import asyncio
import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from picows import WSFrame

from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange import websocket_api
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.rate_budget import Purpose, RateBudget

KEYS = ExchangeKeys("key", lambda _: "signature", bytearray(b"secret"))
UNKNOWN_CODES = (-1006, -1007)


async def ask_rest(status: int, answer: object, headers: dict[str, str], budget: RateBudget) -> Any:
    """Return what the client makes of one answer of a real server."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        server.timeout = 30
        thread = Thread(target=server.handle_request)
        thread.start()
        client = RestClient(f"http://127.0.0.1:{server.server_port}", KEYS, ExchangeClock(), budget)
        try:
            return await client.get("/api/v3/order", {"symbol": "BTCUSDT"}, signed=True)
        finally:
            client.close()
            thread.join(30)


class Connection:
    """Answers each request as the test wishes; None never answers."""

    connected = True

    def __init__(self, answer: dict[str, Any] | None, budget: RateBudget) -> None:
        self.api = WebsocketApi(
            "ws://127.0.0.1:9", KEYS, ExchangeClock(), budget,
            on_user_event=lambda *_: None, on_connection=lambda _: None, measure_clock=lambda: asyncio.sleep(0),
        )  # fmt: skip
        self._answer = answer
        self.reconnected: list[str] = []
        self._connection = self.api.connection
        self.api.connection = cast("Any", self)

    def send(self, text: bytes) -> bool:
        """Take a request, and answer it at once."""
        if self._answer is not None:
            answer = {"id": json.loads(text)["id"], **self._answer}
            asyncio.get_running_loop().call_soon(self.receive, answer)
        return True

    def receive(self, message: dict[str, Any]) -> None:
        """Have the exchange say something."""
        self._connection.receive(cast("WSFrame", SimpleNamespace(last_in_buffer=True)), json.dumps(message).encode())

    def reconnect(self, reason: str) -> None:
        """Write it down."""
        self.reconnected.append(reason)


async def ask_websocket(answer: dict[str, Any] | None, budget: RateBudget) -> Any:
    """Return what the WebSocket API makes of one answer."""
    return await Connection(answer, budget).api.send("order.place", {"symbol": "BTCUSDT"})


async def test_the_weight_that_others_behind_the_address_used_counts() -> None:
    budget = RateBudget()
    assert await ask_rest(200, {"orderId": 1}, {"X-MBX-USED-WEIGHT-1M": "4500"}, budget) == {"orderId": 1}
    assert budget.weight_used == 4500
    told = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 4600}
    assert await ask_websocket({"status": 200, "result": {"orderId": 1}, "rateLimits": [told]}, budget) == {
        "orderId": 1
    }
    assert budget.weight_used == 4600


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [(429, {"Retry-After": "7"}, 7), (418, {"Retry-After": "120"}, 120), (429, {}, 60)],
)
async def test_nothing_is_asked_before_the_time_that_a_refusal_names(
    status: int, headers: dict[str, str], seconds: int
) -> None:
    budget, before = RateBudget(), time.time()
    with pytest.raises(RateLimitedError) as caught:
        await ask_rest(status, {"code": -1003, "msg": "Too many"}, headers, budget)
    assert (caught.value.code, caught.value.retry_after_seconds) == (-1003, seconds)
    assert budget.seconds_until_free(Purpose.CANCEL, before) >= seconds
    assert budget.seconds_until_free(Purpose.CANCEL, time.time() + seconds) == 0


@pytest.mark.parametrize("status", [418, 429])
async def test_the_websocket_apis_refusal_names_a_moment(status: int) -> None:
    budget, until_ms = RateBudget(), int(time.time() * 1000) + 600_000
    error = {"code": -1003, "msg": "Way too many", "data": {"serverTime": 0, "retryAfter": until_ms}}
    with pytest.raises(RateLimitedError) as caught:
        await ask_websocket({"status": status, "error": error}, budget)
    assert 0 < caught.value.retry_after_seconds <= 600
    assert budget.seconds_until_free(Purpose.CANCEL, until_ms / 1000 - 1) > 0
    assert budget.seconds_until_free(Purpose.CANCEL, until_ms / 1000 + 30) == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_servers_error_leaves_unknown_what_came_of_it(status: int) -> None:
    with pytest.raises(StatusUnknownError):
        await ask_rest(status, {"code": -1000, "msg": "Unknown"}, {}, RateBudget())
    with pytest.raises(StatusUnknownError):
        await ask_websocket({"status": status, "error": {"code": -1000, "msg": "Unknown"}}, RateBudget())


@pytest.mark.parametrize("code", UNKNOWN_CODES)
async def test_codes_that_say_so_leave_it_unknown(code: int) -> None:
    with pytest.raises(StatusUnknownError):
        await ask_websocket({"status": 400, "error": {"code": code, "msg": "send status unknown"}}, RateBudget())


async def test_an_answer_that_never_comes_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_api, "_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(StatusUnknownError, match="no answer"):
        await ask_websocket(None, RateBudget())


async def test_a_refusal_is_certain() -> None:
    for asked in (
        ask_rest(400, {"code": -2013, "msg": "Order does not exist."}, {}, RateBudget()),
        ask_websocket({"status": 400, "error": {"code": -2013, "msg": "Order does not exist."}}, RateBudget()),
    ):
        with pytest.raises(ExchangeError) as caught:
            await asked
        assert type(caught.value) is ExchangeError
        assert (caught.value.status, caught.value.code) == (400, -2013)


@pytest.mark.parametrize("kind", ["serverShutdown", "eventStreamTerminated"])
async def test_a_connection_that_is_about_to_end_is_replaced(kind: str) -> None:
    connection = Connection(None, RateBudget())
    connection.receive({"event": {"e": kind, "E": 1_760_000_000_000}})
    assert connection.reconnected == [f"the exchange sent {kind}"]


async def test_a_key_that_is_revoked_in_mid_session_is_told_and_the_connection_replaced() -> None:
    connection = Connection(None, RateBudget())
    connection.receive({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}})
    assert (connection.api.refusal, connection.reconnected) == ("Invalid API-key", ["Invalid API-key"])
