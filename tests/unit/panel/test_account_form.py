"""The forms of an account: keys and orders by hand."""

import pytest

from stockade_panel.accounts.forms import build_manifest, read_cancel, read_keys, read_order
from stockade_panel.accounts.presenters import list_price_symbols, present_account, read_balances, read_orders
from stockade_panel.errors import FormError

API_KEY = "A1b2C3d4E5f6G7h8"
HMAC_SECRET = "secret-of-the-account-9"
PEM = "-----BEGIN PRIVATE KEY-----\r\nMC4CAQ\r\n-----END PRIVATE KEY-----\r\n"


def test_an_hmac_secret_and_a_private_key_go_to_different_keys_of_the_secret() -> None:
    assert read_keys({"apiKey": f" {API_KEY} ", "secret": HMAC_SECRET}).as_secret() == {
        "apiKey": API_KEY,
        "apiSecret": HMAC_SECRET,
    }
    written = read_keys({"apiKey": API_KEY, "secret": PEM}).as_secret()
    assert written["privateKey"] == "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n"


def test_keys_are_in_no_repr() -> None:
    shown = repr(read_keys({"apiKey": API_KEY, "secret": HMAC_SECRET}))
    assert API_KEY not in shown
    assert HMAC_SECRET not in shown


@pytest.mark.parametrize(
    ("api_key", "secret", "field"),
    [
        ("", HMAC_SECRET, "apiKey"),
        ("with blanks in it", HMAC_SECRET, "apiKey"),
        (API_KEY, "", "secret"),
        (API_KEY, "two words of it", "secret"),
        (API_KEY, "-----BEGIN PRIVATE KEY-----\nMC4CAQ", "secret"),
        (API_KEY, "-----BEGIN CERTIFICATE-----\nMC4\n-----END CERTIFICATE-----", "secret"),
    ],
)
def test_a_key_that_can_not_be_one_is_refused_without_being_repeated(api_key: str, secret: str, field: str) -> None:
    with pytest.raises(FormError) as caught:
        read_keys({"apiKey": api_key, "secret": secret})
    assert caught.value.field == field
    assert not secret or secret not in str(caught.value)
    assert not api_key or api_key not in str(caught.value)


def test_an_account_names_its_secret_and_only_the_limits_that_were_written() -> None:
    values = {"namespace": "tenant-demo", "name": "main", "environment": "Paper", "maxExposure": "1000"}
    manifest, errors = build_manifest({**values, "maxDailyLoss": "", "quoteAsset": "usdt"}, "main-keys-1")
    assert not errors
    assert manifest["spec"]["keysSecret"] == {"name": "main-keys-1"}
    assert manifest["spec"]["limits"] == {"maxExposure": "1000", "quoteAsset": "USDT"}


def test_a_limit_order_has_a_price_and_a_market_order_has_none() -> None:
    typed = {"symbol": "btcusdt", "side": "BUY", "quantity": "0.0010", "price": "64000"}
    limit = read_order({**typed, "type": "LIMIT"})
    assert limit["price"] == "64000"
    assert limit["timeInForce"] == "GTC"
    market = read_order({**typed, "type": "MARKET"})
    assert "price" not in market
    assert market["quantity"] == "0.0010"


@pytest.mark.parametrize(
    ("field", "value"),
    [("quantity", "0"), ("quantity", "-1"), ("quantity", "NaN"), ("quantity", "1,5"), ("price", ""), ("side", "HOLD"),
     ("type", "STOP"), ("symbol", "BTC/USDT")],
)  # fmt: skip
def test_an_order_that_can_not_be_one_is_refused_at_its_field(field: str, value: str) -> None:
    typed = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "1"}
    with pytest.raises(FormError) as caught:
        read_order({**typed, field: value})
    assert caught.value.field == field


def test_a_cancel_never_becomes_another_path() -> None:
    assert read_cancel({"symbol": "BTCUSDT", "clientOrderId": "skm-1"}) == ("BTCUSDT", "skm-1")
    with pytest.raises(FormError):
        read_cancel({"symbol": "BTCUSDT", "clientOrderId": "../../orders"})


def test_balances_of_nothing_and_unreadable_ones_are_left_out() -> None:
    rows = [
        {"asset": "USDT", "free": "10.5", "locked": "0"},
        {"asset": "BNB", "free": "0", "locked": "0"},
        {"asset": "BTC", "free": "many", "locked": "0"},
    ]
    assert [balance.asset for balance in read_balances({"balances": rows})] == ["USDT"]
    assert read_balances("no") == []


def test_open_orders_are_newest_first_and_those_by_hand_are_marked() -> None:
    rows = [
        {
            "symbol": "BTCUSDT",
            "clientOrderId": "sk-1",
            "price": "0.00",
            "origQty": "1",
            "executedQty": "0",
            "time": 1000,
        },
        {"symbol": "BTCUSDT", "clientOrderId": "skm-2", "price": "5", "origQty": "1", "executedQty": "0", "time": 2000},
    ]
    newest, oldest = read_orders(rows)
    assert newest.is_manual
    assert oldest.price is None
    assert read_orders({"orders": rows})[0].client_order_id == "skm-2"


def test_prices_are_those_of_the_accounts_algorithms() -> None:
    account = present_account(
        {"metadata": {"name": "main", "namespace": "tenant-demo"}, "spec": {"environment": "Paper"}}
    )
    using = {"spec": {"account": "main", "symbols": ["ETHUSDT", "BNBUSDT"]}}
    other = {"spec": {"account": "spare", "symbols": ["BTCUSDT"]}}
    assert list_price_symbols(account, [using, other]) == ["BNBUSDT", "ETHUSDT"]
    assert list_price_symbols(account, []) == ["BTCUSDT", "ETHUSDT"]
