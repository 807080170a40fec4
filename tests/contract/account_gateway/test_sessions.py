"""Who gets in: a live session of the tenant's own user, and nobody else, by the same answer."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.account_gateway.conftest import hash_token
from tests.support.account_gateway_process import AccountGatewayProcess
from tests.support.postgresql import Ledger
from tests.support.waiting import wait_until

_REQUESTS = [
    ("GET", "/api/v1/account"),
    ("GET", "/api/v1/orders/open"),
    ("GET", "/api/v1/orders?symbol=BTCUSDT"),
    ("GET", "/api/v1/trades?symbol=BTCUSDT"),
    ("POST", "/api/v1/orders"),
    ("DELETE", "/api/v1/orders/BTCUSDT/skm-1"),
    ("GET", "/api/v1/exchange-info"),
    ("GET", "/api/v1/klines?symbol=BTCUSDT&interval=1m"),
]
_UNAUTHORIZED = {
    "error": {"code": "UNAUTHORIZED", "message": "Send the header X-Stockade-Session with a valid session token."}
}


def _is_unauthorized(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()) == (401, _UNAUTHORIZED)


@pytest.mark.parametrize(("method", "path"), _REQUESTS)
def test_no_route_answers_without_a_session(gateway: AccountGatewayProcess, method: str, path: str) -> None:
    assert _is_unauthorized(gateway.ask(method, path, None))
    assert _is_unauthorized(gateway.ask(method, path, "guessed"))


def test_every_route_of_the_api_is_among_those(gateway: AccountGatewayProcess) -> None:
    paths = httpx.get(f"{gateway.http}/openapi.json", timeout=30).json()["paths"]
    described = {
        (method.upper(), path.replace("{symbol}", "BTCUSDT").replace("{client_order_id}", "skm-1"))
        for path, operations in paths.items()
        if path.startswith("/api/")
        for method in operations
    }
    assert described == {(method, path.partition("?")[0]) for method, path in _REQUESTS}


def test_every_routes_errors_are_described(gateway: AccountGatewayProcess) -> None:
    paths = httpx.get(f"{gateway.http}/openapi.json", timeout=30).json()["paths"]
    operations = [each for path, methods in paths.items() if path.startswith("/api/") for each in methods.values()]
    for operation in operations:
        assert {"400", "401", "502", "503"} <= set(operation["responses"]), operation["summary"]
        assert "422" not in operation["responses"], "wrong requests are answered 400"
        schema = operation["responses"]["401"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


@pytest.mark.parametrize(("tenant", "expires"), [("beta", "1 hour"), ("alpha", "-1 second")])
def test_foreign_and_expired_sessions_do_not_open(
    gateway: AccountGatewayProcess, log_in: Callable[..., str], tenant: str, expires: str
) -> None:
    assert _is_unauthorized(gateway.ask("GET", "/api/v1/account", log_in(tenant, expires)))


@pytest.mark.parametrize("token", ["", "x" * 5000, "tö"])
def test_odd_tokens_do_not_open(gateway: AccountGatewayProcess, token: str) -> None:
    answer = httpx.get(f"{gateway.http}/api/v1/account", headers=[(b"x-stockade-session", token.encode())], timeout=30)
    assert _is_unauthorized(answer)


def test_a_revoked_session_ends_within_seconds(
    gateway: AccountGatewayProcess, ledger: Ledger, log_in: Callable[..., str]
) -> None:
    token = log_in("alpha")
    assert gateway.ask("GET", "/api/v1/account", token).status_code == 200
    with ledger.connect("stockade_panel") as connection:
        connection.execute("UPDATE ledger.session SET revoked = now() WHERE token_sha256 = %s", (hash_token(token),))
    wait_until(
        lambda: gateway.ask("GET", "/api/v1/exchange-info?symbol=BTCUSDT", token), "a 401", holds=_is_unauthorized
    )


def test_without_the_ledger_nobody_gets_in_and_afterwards_everybody_does(
    gateway: AccountGatewayProcess, ledger: Ledger, log_in: Callable[..., str]
) -> None:
    token = log_in("alpha")
    ledger.server.stop()
    try:
        answer = gateway.ask("GET", "/api/v1/account", token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SESSIONS_UNAVAILABLE")
    finally:
        ledger.server.start()
    wait_until(
        lambda: gateway.ask("GET", "/api/v1/account", token), "a 200", holds=lambda seen: seen.status_code == 200
    )


def test_status_needs_no_session_and_holds_no_secret(gateway: AccountGatewayProcess, account: dict[str, Any]) -> None:
    status = gateway.status()
    assert status["permissions"] == {"canTrade": True, "canWithdraw": False, "ipRestricted": True}
    assert (status["environment"], status["connected"], status["trading"]) == ("Paper", True, "Active")
    assert abs(status["clockOffsetMilliseconds"]) < 5000
    metrics = httpx.get(f"{gateway.http}/metrics", timeout=30).text
    assert 'stockade_account_gateway_connected{socket="user"} 1.0' in metrics
    assert httpx.get(f"{gateway.http}/readyz", timeout=30).status_code == 200
    for secret in (account["apiKey"], account["apiSecret"]):
        assert secret not in f"{status}{metrics}{gateway.log()}"
