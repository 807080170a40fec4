"""Accounts by the panel: keys written once and shown never, and the forwarded gateway."""

import json
import re
from typing import Any

import pytest
import websockets
from websockets.sync.client import connect
from websockets.typing import Origin

from stockade_panel.errors import ClusterUnavailableError
from tests.support.panel_stage import GROUP, Browser, Stage
from tests.support.waiting import wait_until

API_KEY, API_SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP"


@pytest.fixture(scope="module")
def tenant(stage: Stage) -> Stage:
    """A tenant with an account that the panel's watch has seen."""
    stage.add_tenant("accounts")
    stage.add_account("accounts")
    wait_until(lambda: stage.knows("exchangeaccounts", "accounts", "main"), "the watch to see the account")
    return stage


def _post(browser: Browser, path: str, **fields: str) -> str:
    headers = {"X-CSRFToken": browser.csrf(), "HX-Request": "true"}
    return browser.client.post(f"/accounts/tenant-accounts/main/exchange/{path}", data=fields, headers=headers).text


def test_keys_go_into_a_secret_and_nowhere_else(tenant: Stage) -> None:
    with tenant.browser("trader@accounts.example") as browser:
        answer = browser.post(
            "/accounts",
            namespace="tenant-accounts",
            name="second",
            environment="Paper",
            apiKey=API_KEY,
            secret=API_SECRET,
        )
        assert answer.status_code == 302, answer.text
        pages = [browser.get(path).text for path in ("/accounts/tenant-accounts/second", "/accounts", "/audit")]
    account = tenant.read("accounts", "exchangeaccounts", "second")
    assert account
    name = account["spec"]["keysSecret"]["name"]
    secret = tenant.admin.get(f"/api/v1/namespaces/tenant-accounts/secrets/{name}").json()
    assert set(secret["data"]) == {"apiKey", "apiSecret"}
    assert secret["immutable"] is True
    for text in [*pages, answer.text, json.dumps(account)]:
        assert API_KEY not in text
        assert API_SECRET not in text


def test_what_became_of_orders_by_hand_is_on_the_accounts_page(tenant: Stage) -> None:
    orders = (("skm-1", "main", "", "FILLED"), ("skm-2", "other", "", "FILLED"), ("sk-3", "main", "grid", "FILLED"))
    with tenant.ledger.connect("tenant-accounts") as connection:
        for number, account, algorithm, state in orders:
            connection.execute(
                "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time,"
                " state, symbol, side, type, quantity, filled_quantity, filled_quote) VALUES"
                " (%s, %s, 0, %s, 0, now(), %s, 'BTCUSDT', 'BUY', 'MARKET', 0.002, 0.002, 128.001)",
                (account, algorithm, number, state),
            )
            for trade in (1, 2):
                connection.execute(
                    "INSERT INTO ledger.fill (account, symbol, trade_id, client_order_id, algorithm, exchange_order_id,"
                    " side, price, quantity, quote_quantity, commission, commission_asset, is_maker, trade_time) VALUES"
                    " (%s, 'BTCUSDT', %s, %s, %s, 1, 'BUY', 64000.5, 0.001, 64.0005, 0.000001, 'BTC', false, now())",
                    (account, trade, number, algorithm),
                )
    with tenant.browser("trader@accounts.example") as browser:
        page = browser.get("/accounts/tenant-accounts/main").text
    rows = re.findall(r'<tr id="hand-([^"]+)">(.*?)</tr>', page, re.DOTALL)
    assert [name for name, _ in rows] == ["skm-1"]
    for shown in ("64,000.5", "0.000002 BTC", "FILLED"):
        assert shown in rows[0][1]
    assert "hx-confirm" not in page


def test_an_order_by_hand_on_a_live_account_asks_first(tenant: Stage) -> None:
    spec = {"environment": "Live", "keysSecret": {"name": "live-keys"}}
    path = f"{GROUP}/namespaces/tenant-accounts/exchangeaccounts"
    tenant.create(path, {"kind": "ExchangeAccount", "metadata": {"name": "live"}, "spec": spec})
    with tenant.browser("trader@accounts.example") as browser:
        page = browser.get("/accounts/tenant-accounts/live").text
    assert 'hx-confirm="Send this order? It moves real money."' in page


def test_a_refused_account_leaves_no_secret_and_no_key_in_the_answer(tenant: Stage) -> None:
    with tenant.browser("trader@accounts.example") as browser:
        fields = {"namespace": "tenant-accounts", "name": "third", "apiKey": API_KEY, "secret": API_SECRET}
        answer = browser.post("/accounts", **fields, environment="Paper", maxExposure="a lot")
    assert answer.status_code == 422
    assert 'id="maxExposure-error"' in answer.text
    assert API_KEY not in answer.text
    assert API_SECRET not in answer.text
    listed = tenant.admin.get("/api/v1/namespaces/tenant-accounts/secrets").json()["items"]
    assert not any(item["metadata"]["name"].startswith("third-") for item in listed)


def test_new_keys_are_a_new_secret_and_the_old_one_goes_when_no_pod_uses_it(tenant: Stage) -> None:
    secrets, pods = (f"/api/v1/namespaces/tenant-accounts/{plural}" for plural in ("secrets", "pods"))
    with tenant.browser("trader@accounts.example") as browser:
        fields = {"apiKey": API_KEY, "secret": API_SECRET}
        browser.post("/accounts", **fields, namespace="tenant-accounts", name="rotated", environment="Paper")
        before = tenant.read("accounts", "exchangeaccounts", "rotated")
        answer = browser.post("/accounts/tenant-accounts/rotated/keys", apiKey=API_KEY[::-1], secret=API_SECRET[::-1])
        assert answer.status_code == 302, answer.text
        after = tenant.read("accounts", "exchangeaccounts", "rotated")
        assert before
        assert after
        old, new = before["spec"]["keysSecret"]["name"], after["spec"]["keysSecret"]["name"]
        assert (old, new) == ("rotated-keys-1", "rotated-keys-2")
        pod: dict[str, Any] = {"metadata": {"name": "user", "annotations": {"stockade.dev/keys-secret": old}}}
        pod["spec"] = {"containers": [{"name": "a", "image": "a"}], "nodeSelector": {"no": "such-node"}}
        wait_until(
            lambda: tenant.admin.post(pods, json=pod).status_code, "a pod", holds=lambda status: status in {201, 409}
        )
        browser.post("/accounts/tenant-accounts/rotated/keys/delete-retired")
        assert tenant.admin.get(f"{secrets}/{old}").status_code == 200
        # What the operator writes once the pod's gateway has taken the new ones over.
        moved = {"metadata": {"annotations": {"stockade.dev/keys-secret": new}}}
        merge = {"Content-Type": "application/merge-patch+json"}
        assert tenant.admin.patch(f"{pods}/user", json=moved, headers=merge).is_success
        browser.post("/accounts/tenant-accounts/rotated/keys/delete-retired")
        tenant.admin.delete(f"{pods}/user")
    assert tenant.admin.get(f"{secrets}/{old}").status_code == 404
    assert tenant.admin.get(f"{secrets}/{new}").status_code == 200


def test_new_keys_stay_when_nobody_knows_whether_the_account_names_them(
    tenant: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = tenant.parts.cluster.change

    def change_and_lose_the_answer(*arguments: Any, **more: Any) -> None:
        change(*arguments, **more)
        raise ClusterUnavailableError("The Kubernetes API did not answer; it is unknown whether anything changed.")

    with tenant.browser("trader@accounts.example") as browser:
        fields = {"apiKey": API_KEY, "secret": API_SECRET}
        browser.post("/accounts", **fields, namespace="tenant-accounts", name="doubtful", environment="Paper")
        monkeypatch.setattr(tenant.parts.cluster, "change", change_and_lose_the_answer)
        assert browser.post("/accounts/tenant-accounts/doubtful/keys", **fields).status_code == 503
    account = tenant.read("accounts", "exchangeaccounts", "doubtful")
    assert account
    secret = account["spec"]["keysSecret"]["name"]
    assert tenant.admin.get(f"/api/v1/namespaces/tenant-accounts/secrets/{secret}").status_code == 200


def test_a_forwarded_request_carries_the_session_token_and_not_the_cookie(tenant: Stage) -> None:
    with tenant.browser("trader@accounts.example") as browser:
        answer = browser.get("/accounts/tenant-accounts/main/api/v1/account")
    assert answer.json()["canTrade"] is True
    asked = tenant.gateway.asked[-1]
    assert asked.token
    assert "cookie" not in asked.headers
    with tenant.ledger.connect("tenant-accounts") as connection:
        owners = connection.execute(
            "SELECT email FROM ledger.session_owner WHERE token_sha256 = sha256(%s::bytea)", (asked.token.encode(),)
        ).fetchall()
    assert owners == [("trader@accounts.example",)]


@pytest.mark.parametrize("path", ["../status", "v1/../../metrics", "%2e%2e/status", "v1//account"])
def test_a_forwarded_path_stays_below_the_gateways_api(tenant: Stage, path: str) -> None:
    asked = len(tenant.gateway.asked)
    with tenant.browser("trader@accounts.example") as browser:
        answer = browser.get(f"/accounts/tenant-accounts/main/api/{path}")
    assert answer.status_code == 404
    assert all(entry.path != "status" for entry in tenant.gateway.asked[asked:])


def test_an_order_by_hand_is_placed_shown_and_canceled(tenant: Stage) -> None:
    with tenant.browser("trader@accounts.example") as browser:
        placed = _post(browser, "orders", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.001", price="60000")
        assert "BUY BTCUSDT is NEW, skm-1" in placed
        assert "skm-1" in browser.get("/accounts/tenant-accounts/main/exchange/open-orders").text
        assert "is canceled" in _post(browser, "orders/cancel", symbol="BTCUSDT", clientOrderId="skm-1")
        assert "No order is open" in browser.get("/accounts/tenant-accounts/main/exchange/open-orders").text
        assert "place order" in browser.get("/audit").text


def test_a_refusal_is_told_in_the_gateways_words(tenant: Stage) -> None:
    tenant.gateway.refusal = (409, "TRADING_HALTED", "Trading on this account is halted.")
    try:
        with tenant.browser("trader@accounts.example") as browser:
            said = _post(browser, "orders", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
            balances = browser.get("/accounts/tenant-accounts/main/exchange/balances").text
    finally:
        tenant.gateway.refusal = None
    assert "Trading on this account is halted. (TRADING_HALTED)" in said
    assert "TRADING_HALTED" in balances


def test_an_order_that_was_never_answered_is_unknown_and_pages_go_on(tenant: Stage) -> None:
    tenant.gateway.silent = True
    try:
        with tenant.browser("trader@accounts.example") as browser:
            said = _post(browser, "orders", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
            assert browser.get("/algorithms").status_code == 200
    finally:
        tenant.gateway.silent = False
    assert "is unknown: look at the open orders" in said


def test_a_websocket_is_carried_both_ways_and_ends_with_its_session(tenant: Stage) -> None:
    with tenant.browser("trader@accounts.example") as browser:
        address = str(browser.client.base_url.copy_with(scheme="ws")).rstrip("/")
        url = f"{address}/accounts/tenant-accounts/main/api/v1/stream?streams=btcusdt@trade"
        cookie = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
        headers, origin = {"Cookie": cookie}, Origin(tenant.url)
        with connect(url, additional_headers=headers, origin=origin, proxy=None) as socket:
            assert json.loads(socket.recv(timeout=30))["data"]["s"] == "BTCUSDT"
            socket.send("ping")
            assert socket.recv(timeout=30) == "echo ping"
            asked = tenant.gateway.asked[-1]
            assert (asked.method, asked.query) == ("WS", "streams=btcusdt@trade")
            assert asked.token
            browser.post("/you/log-out-everywhere")
            with pytest.raises(websockets.ConnectionClosed):
                socket.recv(timeout=60)


def test_a_websocket_from_another_site_is_refused(tenant: Stage) -> None:
    with tenant.browser("trader@accounts.example") as browser:
        address = str(browser.client.base_url.copy_with(scheme="ws")).rstrip("/")
        url = f"{address}/accounts/tenant-accounts/main/api/v1/stream"
        cookie = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
        for origin in (Origin("https://evil.example"), None):
            with pytest.raises(websockets.InvalidStatus):
                connect(url, additional_headers={"Cookie": cookie}, origin=origin, proxy=None)


def test_the_switch_of_an_account_is_turned(tenant: Stage) -> None:
    tenant.add_tenant("switch")
    with tenant.browser("trader@switch.example") as browser:
        fields = {"apiKey": API_KEY, "secret": API_SECRET, "environment": "Paper"}
        browser.post("/accounts", **fields, namespace="tenant-switch", name="main")
        assert browser.post("/accounts/tenant-switch/main/acts", act="kill").status_code == 302
    account = tenant.read("switch", "exchangeaccounts", "main")
    assert account
    assert account["spec"]["trading"] == "Halted"
    assert account["spec"]["environment"] == "Paper"
