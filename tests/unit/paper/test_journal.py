"""The state on disk: what was committed comes back, a torn last line does not."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from stockade_paper.account_requests import open_account
from stockade_paper.accounts import Account
from stockade_paper.errors import ConfigurationError
from stockade_paper.journal import FILE_NAME, Journal
from stockade_paper.witness import describe_state
from tests.unit.paper.conftest import START_MS, Floor
from tests.unit.paper.test_triggers import make_order, place_list


def trade_a_little(floor: Floor, journal: Journal) -> Account:
    """Open an account and give it a filled, an open, a cancelled order and a list."""
    wish = {"apiKey": "key", "apiSecret": "secret", "balances": {"USDT": "10000", "BTC": "5"}}
    opened = open_account(floor.exchange.accounts, wish, START_MS)
    journal.record_account(opened.key)
    trader = floor.exchange.accounts.account_of(opened.key)
    floor.place(trader, "BUY", "MARKET", quantity="7")
    floor.place(trader, "BUY", "LIMIT", quantity="1", price="98")
    floor.exchange.cancel(floor.place(trader, "SELL", "LIMIT", quantity="1", price="103"), "cancel")
    limit = make_order(floor, trader, "LIMIT_MAKER", side="SELL", price="105")
    stop = make_order(floor, trader, "STOP_LOSS", side="SELL", stopPrice="95")
    place_list(floor, trader, "OCO", [limit, stop])
    floor.exchange.deposit(trader, "USDT", Decimal(5))
    return trader


def open_journal(floor: Floor, folder: Path) -> Journal:
    """Open the journal of a floor."""
    journal = Journal(folder, floor.exchange)
    journal.open()
    floor.exchange.sinks.append(journal)
    return journal


def test_everything_comes_back(make_floor: Callable[..., Floor], floor: Floor, tmp_path: Path) -> None:
    journal = open_journal(floor, tmp_path)
    trader = trade_a_little(floor, journal)
    before = describe_state(floor.exchange)["accounts"]
    journal.close()
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"kind": "step", "orders": [')
    again = make_floor()
    again.draw_book([("99", "5")], [("101", "5")])
    again.trade("100", "1", buyer_maker=False)
    open_journal(again, tmp_path).close()
    again.exchange.sinks.pop()
    # The first start has rewritten the log; the second must read the same from it.
    again = make_floor()
    again.draw_book([("99", "5")], [("101", "5")])
    again.trade("100", "1", buyer_maker=False)
    second = open_journal(again, tmp_path)
    assert describe_state(again.exchange)["accounts"] == before
    assert again.exchange.accounts.keys["key"].verify("a=1", "x") is False
    restored = again.exchange.accounts.by_id[trader.account_id]
    assert again.place(restored, "BUY", "LIMIT", quantity="1", price="97").order_id == 6
    again.trade("106", "1", buyer_maker=False)
    statuses = {
        order.client_order_id: order.status for order in again.exchange.orders.values() if order.order_list_id > 0
    }
    assert sorted(statuses.values()) == ["EXPIRED", "FILLED"]
    second.close()


def test_prevented_matches_come_back(make_floor: Callable[..., Floor], floor: Floor, tmp_path: Path) -> None:
    journal = open_journal(floor, tmp_path)
    trader = trade_a_little(floor, journal)
    floor.place(trader, "SELL", "LIMIT", quantity="1", price="100.50")
    floor.place(trader, "BUY", "LIMIT", quantity="1", price="100.50", selfTradePreventionMode="EXPIRE_TAKER")
    journal.close()
    for _ in range(2):
        again = make_floor()
        open_journal(again, tmp_path).close()
        assert list(again.exchange.prevented) == list(floor.exchange.prevented)
    assert len(again.exchange.prevented) == 1


def test_a_long_log_is_written_anew_while_it_grows(
    make_floor: Callable[..., Floor], floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade_paper.journal.COMPACTED_BYTES", 2000)
    monkeypatch.setattr("stockade_paper.exchange.KEPT_CLOSED_ORDERS", 10)
    journal = open_journal(floor, tmp_path)
    trader = trade_a_little(floor, journal)
    floor.market.status = "HALT"
    journal.record_market("BTCUSDT")
    floor.market.status = "TRADING"
    for _ in range(200):
        floor.exchange.cancel(floor.place(trader, "BUY", "LIMIT", quantity="1", price="97"), "cancel")
    floor.market.status = "HALT"
    journal.record_market("BTCUSDT")
    journal.close()
    assert (tmp_path / FILE_NAME).stat().st_size < 40_000, "four hundred steps would be some 300,000 bytes"
    again = make_floor()
    open_journal(again, tmp_path).close()
    assert describe_state(again.exchange)["accounts"] == describe_state(floor.exchange)["accounts"]
    assert again.market.status == "HALT"


def test_a_revoked_key_stays_revoked_and_its_account_stays(
    make_floor: Callable[..., Floor], floor: Floor, tmp_path: Path
) -> None:
    journal = open_journal(floor, tmp_path)
    trader = trade_a_little(floor, journal)
    floor.exchange.accounts.revoke_key("key")
    journal.record_revocation("key")
    journal.close()
    before = describe_state(floor.exchange)["accounts"]
    for _ in range(2):
        again = make_floor()
        open_journal(again, tmp_path).close()
        assert describe_state(again.exchange)["accounts"] == before
        assert "key" in again.exchange.accounts.revoked
    assert again.exchange.accounts.by_id[trader.account_id].balance("USDT").free > 0


def test_damaged_line_is_named(make_floor: Callable[..., Floor], tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"kind": "revocation", "api_key": "x"}\nnonsense\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line 2: not a line of this log"):
        Journal(tmp_path, make_floor().exchange).open()
