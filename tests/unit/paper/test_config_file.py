"""The configuration file: accounts and symbols in it, and each mistake with its place."""

from decimal import Decimal
from pathlib import Path

import pytest

from stockade_paper.account_requests import open_account, read_permissions
from stockade_paper.accounts import Accounts
from stockade_paper.errors import BinanceError, ConfigurationError
from stockade_paper.security import find_key
from stockade_paper.settings import Settings, read_settings

SYMBOL = (
    "{symbol: DOGEUSDT, base: DOGE, quote: USDT, tick_size: 0.00001, step_size: 1, max_quantity: 90000000, "
    "market_max_quantity: 1000000, start_price: 0.2"
)


def read(folder: Path, text: str) -> Settings:
    """Read a configuration file."""
    path = folder / "paper.yaml"
    path.write_text(text, encoding="utf-8")
    return read_settings(["serve", "--config", str(path)], {})


def test_accounts_and_symbols(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "accounts:\n- {apiKey: one, apiSecret: s, balances: {USDT: 5}}\n"
        f"symbols:\n- {SYMBOL}, min_notional: 1, max_orders: 50, trades_per_second: 0.5}}\n",
    )
    assert settings.accounts[0]["apiKey"] == "one"
    (listing,) = settings.symbols
    assert (listing.instrument.tick_size, listing.instrument.min_notional) == (Decimal("0.00001"), Decimal(1))
    assert listing.instrument.max_orders == 50
    assert (listing.character.start_price, listing.character.trades_per_second) == (Decimal("0.2"), 0.5)
    assert len(read(tmp_path, "seed: 1\n").symbols) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("accounts: {apiKey: one}", "accounts: write a list of objects"),
        ("symbols: []", "symbols: write a list of objects, each with symbol, base"),
        ("symbols: [{symbol: A}]", "symbols, number 1: write base, quote, tick_size"),
        (f"symbols: [{SYMBOL}, colour: 1}}]", "symbols, number 1: 'colour' is unknown"),
        (f"symbols: [{SYMBOL.replace('0.2', '-1')}}}]", "symbols, number 1: start_price: '-1' is not allowed"),
        (f"symbols: [{SYMBOL.replace('DOGEUSDT', 'doge')}}}]", "symbols, number 1: symbol: 'doge' is not allowed"),
        (f"symbols: [{SYMBOL}}}, {SYMBOL}}}]", "symbols: write each symbol once"),
        ("control_port: 9000", "control_port: 9000 is the clients' port"),
        ("connection_seconds: 0", "connection_seconds: a connection must live"),
        ("regime: wild", "regime: 'wild' is unknown; write one of usual, calm"),
        ("feed: binance", "source_rest: where is the real exchange"),
        ("feed: binance\nsource_rest: https://x", "source_streams: write --source-streams"),
    ],
)
def test_mistakes_say_where_and_what(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read(tmp_path, text + "\n")


def test_a_key_with_a_list_of_addresses_is_good_from_nowhere_else() -> None:
    accounts = Accounts()
    wish = {"apiKey": "key", "apiSecret": "s", "permissions": {"ipList": ["10.0.0.1", "::1"]}}
    open_account(accounts, wish, 0)
    assert find_key(accounts, "key", -2015, "10.0.0.1").api_key == "key"
    with pytest.raises(BinanceError, match="-2015 Invalid API-key, IP, or permissions for action"):
        find_key(accounts, "key", -2008, "10.0.0.2")
    for wrong in ("10.0.0.1", ["x"], [None]):
        with pytest.raises(ConfigurationError, match="ipList: write a list of addresses"):
            read_permissions({"ipList": wrong})
