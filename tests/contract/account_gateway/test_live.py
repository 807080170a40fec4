"""Live streams: market data and the account's events over WebSocket, through every interruption of the exchange."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.contract.account_gateway.conftest import hash_token
from tests.support.account_gateway_process import SESSION_HEADER, AccountGatewayProcess
from tests.support.paper import PaperProcess
from tests.support.postgresql import Ledger

_DEADLINE_SECONDS = 60


def _watch(gateway: AccountGatewayProcess, path: str, token: str) -> ClientConnection:
    return connect(
        f"{gateway.websocket}/api/v1{path}",
        additional_headers={SESSION_HEADER: token},
        open_timeout=_DEADLINE_SECONDS,
        proxy=None,
    )


def _await(viewer: ClientConnection, holds: Callable[[Any], bool]) -> Any:
    """Return the first message that holds; each one may take up to the deadline."""
    for _ in range(20_000):
        message = json.loads(viewer.recv(timeout=_DEADLINE_SECONDS))
        if holds(message):
            return message
    raise AssertionError("no such message among 20000")


def _place(gateway: AccountGatewayProcess, token: str) -> Any:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    answer = gateway.ask("POST", "/api/v1/orders", token, json=order)
    assert answer.status_code == 201, answer.text
    return answer.json()


def _is_of(stream: str) -> Callable[[Any], bool]:
    return lambda message: bool(message.get("stream") == stream)


def _is_connection(*, connected: bool) -> Callable[[Any], bool]:
    return lambda message: bool(message == {"stream": "!connection", "data": {"connected": connected}})


@pytest.mark.parametrize("path", ["/stream?streams=btcusdt@trade", "/user-events"])
@pytest.mark.parametrize("tenant", ["beta", "nobody"])
def test_a_foreign_viewer_is_refused_like_a_request(
    gateway: AccountGatewayProcess, log_in: Callable[..., str], path: str, tenant: str
) -> None:
    token = log_in(tenant) if tenant == "beta" else "guessed"
    with pytest.raises(InvalidStatus) as refusal:
        _watch(gateway, path, token)
    answer = refusal.value.response
    assert answer.status_code == 401
    assert answer.body == gateway.ask("GET", "/api/v1/account", token).content


@pytest.mark.parametrize("streams", ["", "btcusdt", "btcusdt@secrets", "../x@trade", "btcusdt@trade," * 51])
def test_streams_that_do_not_exist_are_refused_in_words(
    gateway: AccountGatewayProcess, token: str, streams: str
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        _watch(gateway, f"/stream?streams={streams}", token)
    assert refusal.value.response.status_code == 400
    assert json.loads(refusal.value.response.body)["error"]["code"] == "INVALID_STREAMS"


def test_viewers_get_the_streams_they_asked_for_over_one_connection(
    gateway: AccountGatewayProcess, exchange: PaperProcess, token: str
) -> None:
    with (
        _watch(gateway, "/stream?streams=btcusdt@trade,btcusdt@bookTicker", token) as first,
        _watch(gateway, "/stream?streams=btcusdt@trade", token) as second,
    ):
        _await(first, _is_of("btcusdt@bookTicker"))
        trade = _await(first, _is_of("btcusdt@trade"))["data"]
        assert (trade["e"], trade["s"]) == ("trade", "BTCUSDT")
        for _ in range(5):
            message = json.loads(second.recv(timeout=_DEADLINE_SECONDS))
            assert message["stream"] in {"!connection", "btcusdt@trade"}
        metrics = httpx.get(f"{gateway.http}/metrics", timeout=30).text
        assert 'stockade_account_gateway_viewers{socket="market"} 2.0' in metrics


def test_streams_come_back_by_themselves(gateway: AccountGatewayProcess, exchange: PaperProcess, token: str) -> None:
    with _watch(gateway, "/stream?streams=btcusdt@bookTicker", token) as viewer:
        _await(viewer, _is_of("btcusdt@bookTicker"))
        exchange.request("POST", "/paper/v1/disconnect", {"target": "streams"})
        _await(viewer, _is_connection(connected=False))
        _await(viewer, _is_connection(connected=True))
        _await(viewer, _is_of("btcusdt@bookTicker"))


def test_the_accounts_events_are_forwarded_also_after_a_reconnect(
    gateway: AccountGatewayProcess, exchange: PaperProcess, token: str
) -> None:
    with _watch(gateway, "/user-events", token) as viewer:
        _await(viewer, _is_connection(connected=True))
        placed = _place(gateway, token)
        event = _await(viewer, lambda message: message.get("c") == placed["clientOrderId"])
        assert (event["e"], event["i"]) == ("executionReport", placed["orderId"])
        exchange.request("POST", "/paper/v1/disconnect", {"target": "websocket-api"})
        _await(viewer, _is_connection(connected=False))
        _await(viewer, _is_connection(connected=True))
        placed = _place(gateway, token)
        _await(viewer, lambda message: message.get("c") == placed["clientOrderId"])


def test_a_viewer_is_let_go_when_its_session_ends(
    gateway: AccountGatewayProcess, ledger: Ledger, log_in: Callable[..., str]
) -> None:
    token = log_in("alpha")
    with _watch(gateway, "/stream?streams=btcusdt@trade", token) as viewer:
        _await(viewer, _is_of("btcusdt@trade"))
        with ledger.connect("stockade_panel") as connection:
            connection.execute(
                "UPDATE ledger.session SET revoked = now() WHERE token_sha256 = %s", (hash_token(token),)
            )
        with pytest.raises(ConnectionClosed) as closing:
            _await(viewer, lambda _message: False)
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 4401
