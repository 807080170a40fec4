"""Orders placed by hand: once at the exchange, whole in the ledger, and never past the account's switch."""

import hmac
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.account_gateway_process import AccountGatewayProcess
from tests.support.paper import PaperProcess
from tests.support.postgresql import Ledger
from tests.support.waiting import wait_until

# Far below the market: it rests until somebody ends it.
_RESTING = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01"}


def _place(gateway: AccountGatewayProcess, token: str, **order: str) -> Any:
    return gateway.ask("POST", "/api/v1/orders", token, json=order)


def _resting(gateway: AccountGatewayProcess, token: str) -> dict[str, str]:
    price = Decimal(gateway.ask("GET", "/api/v1/klines?symbol=BTCUSDT&interval=1m&limit=1", token).json()[0][4])
    return {**_RESTING, "price": str((price * Decimal("0.8")).quantize(Decimal(1)))}


def _place_elsewhere(exchange: PaperProcess, account: dict[str, Any], order: dict[str, str]) -> None:
    """Place an order as another program with the account's key would."""
    parameters = urlencode({**order, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(account["apiSecret"].encode(), parameters.encode(), "sha256").hexdigest()
    url = f"{exchange.http}/api/v3/order?{parameters}&signature={signature}"
    httpx.post(url, headers={"X-MBX-APIKEY": account["apiKey"]}, timeout=30).raise_for_status()


def _states(ledger: Ledger, client_order_id: str) -> list[str]:
    with ledger.connect("stockade_panel") as connection:
        rows = connection.execute(
            "SELECT state FROM ledger.order_event WHERE client_order_id = %s ORDER BY sequence", (client_order_id,)
        ).fetchall()
    return [row[0] for row in rows]


def _await_state(ledger: Ledger, client_order_id: str, state: str) -> list[str]:
    return wait_until(
        lambda: _states(ledger, client_order_id), f"{state} of {client_order_id}", holds=lambda seen: state in seen[-1:]
    )


def _at_exchange(exchange: PaperProcess, account: dict[str, Any], client_order_id: str) -> list[dict[str, Any]]:
    orders = exchange.account_state(account["account"])["orders"]
    return [order for order in orders if order["clientOrderId"] == client_order_id]


def test_a_limit_order_rests_and_is_canceled(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], ledger: Ledger, token: str
) -> None:
    answer = _place(gateway, token, **_resting(gateway, token))
    assert answer.status_code == 201, answer.text
    order = answer.json()
    assert order["clientOrderId"].startswith("skm-")
    assert order["status"] == "NEW"
    open_orders = gateway.ask("GET", "/api/v1/orders/open?symbol=BTCUSDT", token).json()
    assert order["clientOrderId"] in [each["clientOrderId"] for each in open_orders]
    assert _await_state(ledger, order["clientOrderId"], "ACCEPTED") == ["SUBMITTED", "ACCEPTED"]
    canceled = gateway.ask("DELETE", f"/api/v1/orders/BTCUSDT/{order['clientOrderId']}", token)
    assert (canceled.status_code, canceled.json()["status"]) == (200, "CANCELED")
    assert canceled.json()["clientOrderId"] == order["clientOrderId"]
    assert _await_state(ledger, order["clientOrderId"], "CANCELED") == ["SUBMITTED", "ACCEPTED", "CANCELED"]
    assert len(_at_exchange(exchange, account, order["clientOrderId"])) == 1
    again = gateway.ask("DELETE", f"/api/v1/orders/BTCUSDT/{order['clientOrderId']}", token)
    assert (again.status_code, again.json()["error"]["code"]) == (404, "UNKNOWN_ORDER")


def test_a_market_orders_fills_reach_the_ledger_as_the_exchange_has_them(
    gateway: AccountGatewayProcess, ledger: Ledger, token: str
) -> None:
    order = _place(gateway, token, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.02").json()
    assert order["status"] == "FILLED", order
    assert _await_state(ledger, order["clientOrderId"], "FILLED")[0] == "SUBMITTED"
    trades = [
        trade
        for trade in gateway.ask("GET", "/api/v1/trades?symbol=BTCUSDT&limit=1000", token).json()
        if trade["orderId"] == order["orderId"]
    ]
    expected = [
        (t["id"], Decimal(t["price"]), Decimal(t["qty"]), Decimal(t["commission"]), "BTC", "", True) for t in trades
    ]
    with ledger.connect("stockade_panel") as connection:
        query = (
            "SELECT trade_id, price, quantity, commission, commission_asset, algorithm, received_time IS NOT NULL "
            "FROM ledger.fills_with_fees WHERE tenant = 'alpha' AND client_order_id = %s ORDER BY trade_id"
        )
        found = wait_until(
            lambda: connection.execute(query, (order["clientOrderId"],)).fetchall(),
            "fills",
            holds=lambda rows: len(rows) >= len(expected),
        )
    assert found == expected


def test_an_end_at_the_exchange_is_learned_from_events(
    gateway: AccountGatewayProcess, exchange: PaperProcess, ledger: Ledger, token: str
) -> None:
    order = _place(gateway, token, **_resting(gateway, token)).json()
    exchange.request("POST", f"/paper/v1/orders/{order['orderId']}/expire")
    _await_state(ledger, order["clientOrderId"], "EXPIRED")


def test_an_end_that_no_event_told_is_found_after_the_reconnect(
    gateway: AccountGatewayProcess, exchange: PaperProcess, ledger: Ledger, token: str
) -> None:
    order = _place(gateway, token, **_resting(gateway, token)).json()
    exchange.arm("lose-user-events", count=1)
    exchange.request("POST", f"/paper/v1/orders/{order['orderId']}/cancel")
    exchange.request("DELETE", "/paper/v1/faults")
    exchange.request("POST", "/paper/v1/disconnect", {"target": "websocket-api"})
    _await_state(ledger, order["clientOrderId"], "CANCELED")


def test_an_order_whose_answer_is_lost_is_found_and_not_sent_again(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], ledger: Ledger, token: str
) -> None:
    exchange.arm("order-timeout", count=1)
    answer = _place(gateway, token, **_resting(gateway, token))
    assert answer.status_code == 201, answer.text
    client_order_id = answer.json()["clientOrderId"]
    assert len(_at_exchange(exchange, account, client_order_id)) == 1
    _await_state(ledger, client_order_id, "ACCEPTED")


def test_an_order_that_never_arrived_is_said_to_be_not_placed(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], token: str
) -> None:
    before = len(exchange.account_state(account["account"])["orders"])
    exchange.arm("order-timeout", count=1, executed=False)
    answer = _place(gateway, token, **_resting(gateway, token))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "EXCHANGE_UNREACHABLE")
    assert "was not placed" in answer.json()["error"]["message"]
    assert len(exchange.account_state(account["account"])["orders"]) == before


def test_an_order_of_a_killed_gateway_is_followed_by_the_next(
    gateway: AccountGatewayProcess, exchange: PaperProcess, ledger: Ledger, token: str
) -> None:
    order = _place(gateway, token, **_resting(gateway, token)).json()
    gateway.kill()
    exchange.request("POST", f"/paper/v1/orders/{order['orderId']}/cancel")
    gateway.start()
    gateway.wait_until_ready()
    assert _await_state(ledger, order["clientOrderId"], "CANCELED") == ["SUBMITTED", "ACCEPTED", "CANCELED"]


def test_halted_cancels_manual_orders_lets_only_cancels_through_and_no_other_order_is_touched(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], ledger: Ledger, token: str
) -> None:
    order = _resting(gateway, token)
    placed = [_place(gateway, token, **order).json()["clientOrderId"] for _ in range(3)]
    _place_elsewhere(exchange, account, {**order, "timeInForce": "GTC", "newClientOrderId": "of-somebody-else"})
    gateway.control("Halted")
    refused = _place(gateway, token, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "TRADING_HALTED")
    for client_order_id in placed:
        assert _await_state(ledger, client_order_id, "CANCELED")[0] == "SUBMITTED"
    assert [each["status"] for each in _at_exchange(exchange, account, "of-somebody-else")] == ["NEW"]
    assert gateway.ask("DELETE", "/api/v1/orders/BTCUSDT/of-somebody-else", token).status_code == 200


def test_the_halt_that_a_new_pod_begins_with_cancels_nothing(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], token: str
) -> None:
    order = _place(gateway, token, **_resting(gateway, token)).json()
    gateway.kill()
    gateway.control("Halted", generation=0)
    gateway.start()
    gateway.wait_until_ready()
    assert gateway.status()["trading"] == "Halted"
    assert [each["status"] for each in _at_exchange(exchange, account, order["clientOrderId"])] == ["NEW"]
    gateway.control("Active")
    assert gateway.ask("DELETE", f"/api/v1/orders/BTCUSDT/{order['clientOrderId']}", token).status_code == 200


def test_reducing_lets_sales_through(gateway: AccountGatewayProcess, token: str) -> None:
    gateway.control("Reducing")
    refused = _place(gateway, token, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "TRADING_REDUCING")
    assert _place(gateway, token, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01").status_code == 201


def test_an_unreadable_control_halts(gateway: AccountGatewayProcess, token: str) -> None:
    gateway.control("", text="{")
    refused = _place(gateway, token, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONTROL_UNREADABLE")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"price": "0"}, "price"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"symbol": "btc/usdt"}, "symbol"),
        ({"type": "MARKET"}, "MARKET takes no price"),
        ({"stopPrice": "1"}, "LIMIT takes no stopPrice"),
        ({"leverage": "20"}, "leverage"),
    ],
)
def test_a_bad_order_is_refused_in_words(
    gateway: AccountGatewayProcess, token: str, changes: dict[str, str], fault: str
) -> None:
    answer = _place(gateway, token, **{**_RESTING, "price": "20000", **changes})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST")
    assert fault in answer.json()["error"]["message"]


def test_the_exchanges_refusal_is_passed_on_and_recorded(
    gateway: AccountGatewayProcess, ledger: Ledger, token: str
) -> None:
    answer = _place(gateway, token, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="50")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "EXCHANGE_REJECTED")
    with ledger.connect("stockade_panel") as connection:
        query = "SELECT state, reason FROM ledger.order_history WHERE quantity = 50"
        found = wait_until(
            lambda: connection.execute(query).fetchall(),
            "the rejection",
            holds=lambda rows: [row[0] for row in rows] == ["REJECTED"],
        )
    assert "insufficient balance" in found[0][1]


def test_account_and_rules_are_the_exchanges(
    gateway: AccountGatewayProcess, exchange: PaperProcess, account: dict[str, Any], token: str
) -> None:
    found = gateway.ask("GET", "/api/v1/account", token).json()
    assert {"USDT", "BTC"} <= {balance["asset"] for balance in found["balances"]}
    rules = gateway.ask("GET", "/api/v1/exchange-info?symbol=BTCUSDT", token).json()["symbols"]
    assert [(each["symbol"], each["baseAsset"]) for each in rules] == [("BTCUSDT", "BTC")]
    orders = gateway.ask("GET", "/api/v1/orders?symbol=BTCUSDT&limit=1000", token).json()
    witness = exchange.account_state(account["account"])["orders"]
    assert {order["orderId"] for order in orders} == {order["orderId"] for order in witness}
    wrong = gateway.ask("GET", "/api/v1/klines?symbol=NOSUCH&interval=1m", token)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "EXCHANGE_REJECTED")
