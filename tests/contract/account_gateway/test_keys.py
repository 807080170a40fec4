"""Keys are checked when they arrive; one that can withdraw, or that the exchange does not know, places nothing."""

from typing import Any

import httpx

from tests.contract.account_gateway.conftest import GatewayMaker
from tests.support.paper import PaperProcess
from tests.support.waiting import wait_until

_ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def test_a_key_that_can_withdraw_trades_nothing(make_gateway: GatewayMaker, exchange: PaperProcess, token: str) -> None:
    keys = exchange.open_account(
        balances={"USDT": "100000"}, permissions={"canTrade": True, "canWithdraw": True, "ipRestricted": True}
    )
    gateway = make_gateway(keys)
    status = wait_until(gateway.status, "the permissions", holds=lambda seen: seen["permissions"] is not None)
    assert status["permissions"] == {"canTrade": True, "canWithdraw": True, "ipRestricted": True}
    assert "can withdraw" in status["message"]
    refused = gateway.ask("POST", "/api/v1/orders", token, json=_ORDER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "KEY_CAN_WITHDRAW")
    assert exchange.account_state(keys["account"])["orders"] == []


def test_a_key_the_exchange_does_not_know_is_not_ready(make_gateway: GatewayMaker, token: str) -> None:
    unknown: dict[str, Any] = {"apiKey": "k" * 64, "apiSecret": "s" * 64}
    gateway = make_gateway(unknown)

    def readiness() -> httpx.Response:
        return httpx.get(f"{gateway.http}/readyz", timeout=30)

    answer = wait_until(readiness, "the reason", holds=lambda seen: "has not been checked" not in seen.text)
    assert answer.status_code == 503
    assert "the key can't be checked" in answer.text
    refused = gateway.ask("POST", "/api/v1/orders", token, json=_ORDER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "KEY_NOT_CHECKED")
    asked = gateway.ask("GET", "/api/v1/account", token)
    assert (asked.status_code, asked.json()["error"]["code"]) == (502, "KEY_REFUSED")
    assert "k" * 64 not in gateway.log()
