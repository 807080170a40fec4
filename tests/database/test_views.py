"""The views' answers, and the news that something changed."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.support.postgresql import Ledger

D = Decimal
# Tomorrow: whatever counts as today still does when a test runs over midnight.
_NOW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(scope="module")
def alpha(ledger: Ledger) -> Ledger:
    """Give tenant alpha an algorithm with a short history."""
    with ledger.connect("stockade_operator") as connection:
        connection.execute(
            "INSERT INTO ledger.algorithm (uid, tenant_uid, name, account, mode) "
            "VALUES ('a1', 'uid-of-alpha', 'grid', 'main', 'Paper'), ('a2', 'uid-of-alpha', 'idle', 'main', 'Paper')"
        )
        connection.execute(
            "INSERT INTO ledger.algorithm_version (algorithm_uid, version, tenant_uid, source_sha256) "
            "VALUES ('a1', 1, 'uid-of-alpha', 'aa'), ('a1', 2, 'uid-of-alpha', 'bb')"
        )
    with ledger.connect("tenant-alpha") as connection:
        for order, sequence, state, filled in (
            ("one", 0, "SUBMITTED", 0),
            ("one", 1, "ACCEPTED", 0),
            ("two", 0, "SUBMITTED", 0),
            ("two", 1, "FILLED", 2),
            ("three", 0, "DENIED", 0),
        ):
            connection.execute(
                "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time, "
                "state, symbol, side, type, quantity, price, filled_quantity, filled_quote) "
                "VALUES ('main', 'grid', 2, %s, %s, %s, %s, 'BTCUSDT', 'BUY', 'LIMIT', 2, 10, %s, %s)",
                (order, sequence, _NOW + timedelta(seconds=sequence), state, filled, filled * 9),
            )
        connection.execute(
            "INSERT INTO ledger.fill (account, symbol, trade_id, client_order_id, algorithm, exchange_order_id, side, "
            "price, quantity, quote_quantity, commission, commission_asset, is_maker, trade_time) "
            "VALUES ('main', 'BTCUSDT', 1, 'two', 'grid', 5, 'BUY', 9, 2, 18, 0.01, 'BNB', false, %s)",
            (_NOW,),
        )
        connection.execute(
            "INSERT INTO ledger.position (account, algorithm, symbol, quantity, realized_pnl, quote_asset, updated) "
            "VALUES ('main', 'grid', 'BTCUSDT', 2, 1.5, 'USDT', now()), "
            "('main', 'grid', 'ETHUSDT', 0, -0.5, 'USDT', now())"
        )
        for day, hour, realized, unrealized, fees in (
            (1, 9, "5", "1", "0.1"),
            (1, 20, "7", "2", "0.2"),
            (2, 3, "4", "-1", "0.5"),
            (4, 3, "4.5", "0", "0.6"),
        ):
            connection.execute(
                "INSERT INTO ledger.equity_point (account, algorithm, quote_asset, time, realized_pnl, unrealized_pnl, "
                "fees) VALUES ('main', 'grid', 'USDT', %s, %s, %s, %s)",
                (datetime(2026, 3, day, hour, tzinfo=UTC), realized, unrealized, fees),
            )
    return ledger


def _rows(ledger: Ledger, statement: Any, role: str = "stockade_panel") -> list[tuple[Any, ...]]:
    with ledger.connect(role) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("role", ["stockade_panel", "tenant-alpha"])
def test_overview_counts_each_thing_once(alpha: Ledger, role: str) -> None:
    columns = (
        "algorithm, version, open_orders, denied_today, rejected_today, open_positions, realized_pnl, quote_asset, "
        "last_fill_time"
    )
    found = _rows(alpha, f"SELECT {columns} FROM ledger.algorithm_overview WHERE tenant = 'alpha' ORDER BY 1", role)
    assert found == [
        ("grid", 2, 1, 1, 0, 1, D(1), "USDT", _NOW),
        ("idle", None, 0, 0, 0, 0, None, None, None),
    ]


def test_results_in_two_quote_assets_are_not_added_up(alpha: Ledger) -> None:
    with alpha.connect("tenant-alpha") as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO ledger.position (account, algorithm, symbol, quantity, realized_pnl, quote_asset, updated) "
            "VALUES ('main', 'grid', 'ETHBTC', 1, 1, 'BTC', now())"
        )
        assert connection.execute(
            "SELECT open_positions, realized_pnl, quote_asset FROM ledger.algorithm_overview WHERE algorithm = 'grid'"
        ).fetchall() == [(2, None, None)]


def test_open_orders_and_history(alpha: Ledger) -> None:
    assert _rows(alpha, "SELECT client_order_id, state, price FROM ledger.open_orders") == [("one", "ACCEPTED", D(10))]
    assert _rows(
        alpha, "SELECT client_order_id, state, average_price, sequence FROM ledger.order_history ORDER BY 1"
    ) == [("one", "ACCEPTED", None, 1), ("three", "DENIED", None, 0), ("two", "FILLED", D(9), 1)]


def test_history_is_what_the_events_say(alpha: Ledger) -> None:
    by_definition = """
        SELECT DISTINCT ON (tenant_uid, account, client_order_id) tenant_uid, account, client_order_id, sequence, state
        FROM ledger.order_event ORDER BY tenant_uid, account, client_order_id, sequence DESC
    """
    kept = "SELECT tenant_uid, account, client_order_id, sequence, state FROM ledger.order_state ORDER BY 1, 2, 3"
    assert _rows(alpha, by_definition) == _rows(alpha, kept) != []


def test_a_fill_keeps_its_fee_in_the_asset_it_was_taken_in(alpha: Ledger) -> None:
    assert _rows(
        alpha, "SELECT tenant, price, quantity, commission, commission_asset, order_type FROM ledger.fills_with_fees"
    ) == [("alpha", D(9), D(2), D("0.01"), "BNB", "LIMIT")]


def test_a_days_result_is_what_that_day_added(alpha: Ledger) -> None:
    found = _rows(alpha, "SELECT day::text, realized_pnl, unrealized_pnl, fees FROM ledger.pnl_daily ORDER BY day")
    assert found == [
        ("2026-03-01", D(7), D(2), D("0.2")),
        ("2026-03-02", D(-3), D(-1), D("0.3")),
        ("2026-03-04", D("0.5"), D(0), D("0.1")),
    ]


def test_views_forget_a_deleted_tenant(ledger: Ledger) -> None:
    ledger.add_tenant("gone")
    with ledger.connect("tenant-gone") as connection:
        connection.execute(
            "INSERT INTO ledger.position (account, algorithm, symbol, quantity, realized_pnl, quote_asset, updated) "
            "VALUES ('main', 'x', 'BTCUSDT', 1, 1, 'USDT', now())"
        )
    assert _rows(ledger, "SELECT quantity FROM ledger.positions WHERE tenant = 'gone'") == [(D(1),)]
    ledger.add_tenant("gone", "uid-of-the-next")
    assert _rows(ledger, "SELECT quantity FROM ledger.positions WHERE tenant = 'gone'") == []
    assert _rows(ledger, "SELECT * FROM ledger.position", "tenant-gone") == []


def test_news_name_the_algorithm_and_nothing_else(alpha: Ledger) -> None:
    with alpha.connect("stockade_panel") as panel, alpha.connect("tenant-alpha") as gateway:
        channel = panel.execute("SELECT ledger.news_channel_name()").fetchone()
        assert channel is not None
        panel.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel[0])))
        gateway.execute("UPDATE ledger.position SET quantity = 3 WHERE symbol = 'BTCUSDT'")
        gateway.execute(
            "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time, "
            "state, symbol, side, type) SELECT 'main', 'grid', 2, 'many' || n, 0, now(), 'SUBMITTED', 'BTCUSDT', "
            "'BUY', 'MARKET' FROM generate_series(1, 50) n"
        )
        news = [json.loads(notification.payload) for notification in panel.notifies(timeout=30, stop_after=2)]
    assert news == [
        {"tenant": "alpha", "algorithm": "grid", "kind": "position"},
        {"tenant": "alpha", "algorithm": "grid", "kind": "order"},
    ]


def test_a_tenant_does_not_learn_where_news_are_told(alpha: Ledger) -> None:
    with alpha.connect("tenant-alpha") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT ledger.news_channel_name()")
