"""What somebody can do to the process with the keys who reaches its port: nothing, with a session or without one."""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.contract.account_gateway.conftest import hash_token
from tests.support.account_gateway_process import SESSION_HEADER, AccountGatewayProcess
from tests.support.paper import PaperProcess
from tests.support.waiting import wait_until

_DEADLINE_SECONDS = 60
_MEBIBYTE = 1024 * 1024
_ROOM = 200
"""How many may look at an account at once."""


def _watch(gateway: AccountGatewayProcess, token: str) -> ClientConnection:
    return connect(
        f"{gateway.websocket}/api/v1/user-events",
        additional_headers={SESSION_HEADER: token},
        open_timeout=_DEADLINE_SECONDS,
        proxy=None,
    )


def _drain(viewer: ClientConnection) -> None:
    while True:
        viewer.recv(timeout=_DEADLINE_SECONDS)


def _answers(gateway: AccountGatewayProcess, token: str) -> bool:
    return gateway.ask("GET", "/api/v1/account", token).status_code == httpx.codes.OK


@pytest.fixture(autouse=True)
def log_is_clean(gateway: AccountGatewayProcess, account: dict[str, Any], token: str) -> Iterator[None]:
    """Whatever is sent: no failure of ours in the log afterwards, no line made by the sender, no secret."""
    before = len(gateway.log())
    yield
    written = gateway.log()[before:]
    for unwanted in ("Traceback", "forged", token, account["apiSecret"]):
        assert unwanted not in written


@pytest.mark.parametrize("way", ["announced", "sent"])
@pytest.mark.parametrize("path", ["/api/v1/orders", "/internal/v1/share", "/status", "/nothing"])
def test_a_huge_body_is_refused_and_fills_no_memory(gateway: AccountGatewayProcess, path: str, way: str) -> None:
    """Without a session: the body comes before anybody is asked who sends it."""
    before = gateway.memory_bytes()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=_DEADLINE_SECONDS)
    connection.putrequest("POST", path)
    if way == "announced":
        connection.putheader("Content-Length", str(1024 * _MEBIBYTE))
        connection.endheaders()
    else:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        chunk = b"%x\r\n%s\r\n" % (_MEBIBYTE, b"x" * _MEBIBYTE)
        # The gateway may close as soon as it has seen enough.
        with contextlib.suppress(ConnectionError):
            for _ in range(128):
                connection.send(chunk)
    with contextlib.suppress(ConnectionError):
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (413, "REQUEST_TOO_LARGE")
    connection.close()
    assert gateway.memory_bytes() - before < 32 * _MEBIBYTE
    assert gateway.status()["connected"]


def test_an_order_that_was_broken_off_is_not_placed(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], token: str
) -> None:
    """What has come so far is a whole order, but the request says that more is to come."""
    before = len(exchange.account_state(account["account"])["orders"])
    order = json.dumps({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"})
    head = (
        f"POST /api/v1/orders HTTP/1.1\r\nHost: gateway\r\n{SESSION_HEADER}: {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(order) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=_DEADLINE_SECONDS) as client:
        client.sendall(f"{head}{order}".encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1024) == b""
    assert _answers(gateway, token)
    assert len(exchange.account_state(account["account"])["orders"]) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"a":' * 3_000,
        b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":NaN}',
        b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":1e400}',
        b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"1e-999999999"}',
        b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"1e999999999"}',
        b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":' + b"9" * 5_000 + b"}",
        b'{"symbol":"BTCUSDT&recvWindow=60000","side":"BUY","type":"MARKET","quantity":"1"}',
        b'{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"1","newClientOrderId":"sk-1"}',
        b'{"symbol":"\\ud800","side":"BUY","type":"MARKET","quantity":"1"}',
    ],
    ids=lambda body: repr(body[-60:]),
)
def test_what_is_no_order_is_answered_400_and_reaches_no_exchange(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], token: str, body: bytes
) -> None:
    before = len(exchange.account_state(account["account"])["orders"])
    answer = httpx.post(
        f"{gateway.http}/api/v1/orders",
        content=body,
        headers={SESSION_HEADER: token, "Content-Type": "application/json"},
        timeout=_DEADLINE_SECONDS,
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] in {"INVALID_REQUEST", "ERROR"}
    assert len(exchange.account_state(account["account"])["orders"]) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/v1/orders/BTCUSDT/..%2f..%2faccount"),
        ("DELETE", "/api/v1/orders/BTCUSDT/x%26symbol%3DETHUSDT"),
        ("DELETE", f"/api/v1/orders/BTCUSDT/{'x' * 5000}"),
        ("DELETE", "/api/v1/orders/%00/x"),
        ("GET", "/api/v1/trades?symbol=BTCUSDT%26recvWindow%3D60000"),
        ("GET", "/api/v1/orders?symbol=BTCUSDT&limit=99999999999999999999"),
        ("GET", "/api/v1/orders/open?symbol=%0d%0aforged%3A%20x"),
        ("GET", "/api/v1/klines?symbol=BTCUSDT&interval=%00"),
        ("GET", "/sapi/v1/capital/withdraw/apply"),
        ("GET", "/api/v1/../../keys/apiSecret"),
    ],
)
def test_a_parameter_never_becomes_another_request(
    gateway: AccountGatewayProcess, token: str, method: str, path: str
) -> None:
    answer = gateway.ask(method, path, token)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["code"] in {"INVALID_REQUEST", "NOT_FOUND"}


@pytest.fixture
def stolen(log_in: Callable[..., str]) -> dict[str, str]:
    """What somebody may come by who has no session: what the ledger keeps of one, and ways to bend a query."""
    token = log_in("alpha")
    return {
        "the ledger's digest of a token": hash_token(token).hex(),
        "a token with something behind it": f"{token}x",
        "a token in capitals": token.upper(),
        "two tokens": f"{token}, {token}",
        "a query": "' OR '1'='1' --",
        "a wildcard": "token-alpha-%",
        "a foreign tenant's token": log_in("beta"),
        "an expired token": log_in("alpha", "-1 second"),
    }


def test_nothing_but_the_token_itself_opens_and_only_in_its_header(
    gateway: AccountGatewayProcess, token: str, stolen: dict[str, str]
) -> None:
    for name, guess in stolen.items():
        assert gateway.ask("GET", "/api/v1/account", guess).status_code == 401, name
        with pytest.raises(InvalidStatus) as refusal:
            _watch(gateway, guess)
        assert refusal.value.response.status_code == 401, name
    url = f"{gateway.http}/api/v1/account"
    for elsewhere in (
        {"params": {SESSION_HEADER: token}},
        {"headers": {"Cookie": f"{SESSION_HEADER}={token}"}},
        {"headers": {"Authorization": f"Bearer {token}"}},
    ):
        assert httpx.get(url, **elsewhere, timeout=_DEADLINE_SECONDS).status_code == 401  # type: ignore[arg-type]


def test_a_viewer_who_talks_without_end_is_not_listened_to(gateway: AccountGatewayProcess, token: str) -> None:
    before = gateway.memory_bytes()
    with _watch(gateway, token) as viewer, _watch(gateway, token) as quiet:
        for _ in range(5_000):
            viewer.send("x" * 4096)
        assert _answers(gateway, token)
        assert json.loads(quiet.recv(timeout=_DEADLINE_SECONDS))["stream"] == "!connection"
        viewer.send("x" * 20_000)
        with pytest.raises(ConnectionClosed) as closing:
            _drain(viewer)
        assert closing.value.rcvd is not None
        assert closing.value.rcvd.code == 1009
        assert gateway.memory_bytes() - before < 64 * _MEBIBYTE
        quiet.ping().wait(_DEADLINE_SECONDS)


def test_viewers_beyond_the_room_are_refused_and_there_is_room_again_afterwards(
    gateway: AccountGatewayProcess, token: str
) -> None:
    with contextlib.ExitStack() as crowd:
        for _ in range(_ROOM):
            crowd.enter_context(_watch(gateway, token))
        with pytest.raises(InvalidStatus) as refusal:
            _watch(gateway, token)
        assert refusal.value.response.status_code == 503
        assert json.loads(refusal.value.response.body)["error"]["code"] == "TOO_MANY_VIEWERS"
        assert _answers(gateway, token)
    wait_until(lambda: _gets_in(gateway, token), "room")


def _gets_in(gateway: AccountGatewayProcess, token: str) -> bool:
    try:
        with _watch(gateway, token):
            return True
    except InvalidStatus:
        return False


def test_half_a_request_on_many_connections_keeps_nobody_out(gateway: AccountGatewayProcess, token: str) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(300):
            client = held.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            client.sendall(b"POST /api/v1/orders HTTP/1.1\r\nHost: gateway\r\nX-Slow: ")
        assert _answers(gateway, token)
        # A header without an end is not kept either.
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                client.sendall(b"a" * 65_536)
        assert _answers(gateway, token)
