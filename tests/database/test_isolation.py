"""What each role may do, and that a tenant can neither read nor touch a row of another.

The lists below name every table and view there is, and the first test compares them with the database's own list: a
table that is added later is covered or the test fails.
"""

import json
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.postgresql import PASSWORD, Ledger

_OWNED_BY_TENANT = (
    "order_event",
    "order_state",
    "fill",
    "equity_point",
    "position",
    "saved_state",
    "algorithm",
    "algorithm_version",
    "user",
    "alert",
    "audit",
)
_VIEWS = (
    "order_history",
    "open_orders",
    "fills_with_fees",
    "positions",
    "pnl_daily",
    "algorithm_overview",
    "session_owner",
)
_OTHER = ("tenant", "session", "news_channel", "alembic_version")
_EVERYTHING = (*_OWNED_BY_TENANT, *_VIEWS, *_OTHER)

# Whose a row is, where it is not said by a column tenant_uid.
_WHOSE = {
    "tenant": "uid = 'uid-of-alpha'",
    "session": "user_id IN (SELECT id FROM ledger.\"user\" WHERE tenant_uid = 'uid-of-alpha')",
    "session_owner": "tenant = 'alpha'",
    "news_channel": "true",
    "alembic_version": "true",
}

_ROWS = """
INSERT INTO ledger.algorithm (uid, tenant_uid, name, account, mode)
    VALUES ('algo-{t}', 'uid-of-{t}', 'grid', 'main', 'Paper');
INSERT INTO ledger.algorithm_version (algorithm_uid, version, tenant_uid, source_sha256)
    VALUES ('algo-{t}', 1, 'uid-of-{t}', 'ab');
INSERT INTO ledger."user" (email, password, fs_uniquifier, tenant_uid)
    VALUES ('{t}@example.com', 'hash', '{t}', 'uid-of-{t}');
INSERT INTO ledger.session (token_sha256, user_id, expires)
    SELECT sha256('{t}'), id, now() + interval '1 hour' FROM ledger."user" WHERE email = '{t}@example.com';
INSERT INTO ledger.order_event (tenant_uid, account, algorithm, version, client_order_id, sequence, event_time, state,
    symbol, side, type, quantity)
    VALUES ('uid-of-{t}', 'main', 'grid', 1, 'sk-{t}', 0, now(), 'ACCEPTED', 'BTCUSDT', 'BUY', 'LIMIT', 1);
INSERT INTO ledger.fill (tenant_uid, account, symbol, trade_id, client_order_id, algorithm, exchange_order_id, side,
    price, quantity, quote_quantity, commission, commission_asset, is_maker, trade_time)
    VALUES ('uid-of-{t}', 'main', 'BTCUSDT', 1, 'sk-{t}', 'grid', 1, 'BUY', 2, 3, 6, 0, NULL, true, now());
INSERT INTO ledger.position (tenant_uid, account, algorithm, symbol, quantity, realized_pnl, quote_asset, updated)
    VALUES ('uid-of-{t}', 'main', 'grid', 'BTCUSDT', 3, 0, 'USDT', now());
INSERT INTO ledger.equity_point (tenant_uid, account, algorithm, quote_asset, time, realized_pnl)
    VALUES ('uid-of-{t}', 'main', 'grid', 'USDT', now(), 0);
INSERT INTO ledger.saved_state (tenant_uid, algorithm_uid, content, saved_time)
    VALUES ('uid-of-{t}', 'algo-{t}', 'j', now());
INSERT INTO ledger.audit (tenant_uid, actor, action, object_kind, object_name)
    VALUES ('uid-of-{t}', 'me', 'x', 'y', 'z');
INSERT INTO ledger.alert (tenant_uid, object_kind, object_name, severity, reason, message)
    VALUES ('uid-of-{t}', 'x', 'y', 'INFO', 'z', 'm');
"""


@pytest.fixture(scope="module")
def filled(ledger: Ledger) -> Ledger:
    """Give both tenants a row in every table."""
    with ledger.connect() as connection:
        for tenant in ("alpha", "beta"):
            connection.execute(_ROWS.format(t=tenant))
    return ledger


@dataclass(frozen=True)
class Attempt:
    """What came of a statement: the rows it returned or touched, or the error's SQLSTATE."""

    rows: int
    refused: str | None


def _try(ledger: Ledger, role: str, statement: sql.SQL | sql.Composed, *parameters: Any) -> Attempt:
    with ledger.connect(role) as connection, connection.transaction(force_rollback=True):
        try:
            cursor = connection.execute(statement, parameters)
        except psycopg.errors.Error as error:
            return Attempt(0, error.sqlstate)
        return Attempt(cursor.rowcount, None)


def _of(name: str, template: str) -> sql.Composed:
    return sql.SQL(template).format(table=sql.Identifier("ledger", name), alphas=sql.SQL(_WHOSE.get(name, _BY_UID)))


_BY_UID = "tenant_uid = 'uid-of-alpha'"


def test_the_lists_above_are_complete(filled: Ledger) -> None:
    with filled.connect() as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')"
        ).fetchall()
    assert sorted(row[0] for row in found) == sorted(_EVERYTHING)


@pytest.mark.parametrize("name", _EVERYTHING)
def test_there_is_a_row_of_alpha_to_be_stolen(filled: Ledger, name: str) -> None:
    assert _try(filled, "stockade", _of(name, "SELECT * FROM {table} WHERE {alphas}")).rows == (
        0 if name == "session_owner" else 1
    )


@pytest.mark.parametrize("name", _EVERYTHING)
def test_beta_reads_no_row_of_alpha(filled: Ledger, name: str) -> None:
    attempt = _try(filled, "tenant-beta", _of(name, "SELECT * FROM {table}"))
    own = _try(filled, "tenant-beta", _of(name, "SELECT 1 FROM {table} WHERE NOT ({alphas})"))
    assert attempt.refused == "42501" or attempt.rows == own.rows == 1


@pytest.mark.parametrize("name", _EVERYTHING)
def test_beta_adds_no_row_for_alpha(filled: Ledger, name: str) -> None:
    with filled.connect() as connection:
        found = connection.execute(_of(name, "SELECT row_to_json(r) FROM {table} r WHERE {alphas}")).fetchone()
    row = json.dumps(found[0]) if found else "{}"
    statement = _of(name, "INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, %s)")
    assert _try(filled, "tenant-beta", statement, row).refused in {"42501", "55000"}


@pytest.mark.parametrize("name", _EVERYTHING)
@pytest.mark.parametrize(
    "template", ["UPDATE {table} SET {column} = {column} WHERE {alphas}", "DELETE FROM {table} WHERE {alphas}"]
)
def test_beta_changes_no_row_of_alpha(filled: Ledger, name: str, template: str) -> None:
    with filled.connect() as connection:
        column = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", (f'ledger."{name}"',)
        ).fetchone()
    assert column is not None
    statement = sql.SQL(template).format(
        table=sql.Identifier("ledger", name),
        alphas=sql.SQL(_WHOSE.get(name, _BY_UID)),
        column=sql.Identifier(column[0]),
    )
    attempt = _try(filled, "tenant-beta", statement)
    assert attempt == Attempt(0, None) or attempt.refused in {"42501", "55000"}


@pytest.mark.parametrize("name", ["order_event", "fill", "equity_point"])
def test_a_tenant_can_not_undo_its_own_past(filled: Ledger, name: str) -> None:
    assert _try(filled, "tenant-beta", _of(name, "DELETE FROM {table}")).refused == "42501"
    assert _try(filled, "tenant-beta", _of(name, "UPDATE {table} SET account = 'other'")).refused == "42501"


def test_a_tenant_can_not_give_its_position_away(filled: Ledger) -> None:
    give = sql.SQL("UPDATE ledger.position SET tenant_uid = 'uid-of-alpha'")
    assert _try(filled, "tenant-beta", give).refused == "42501"
    assert _try(filled, "tenant-beta", sql.SQL("UPDATE ledger.position SET quantity = 4")) == Attempt(1, None)


def test_a_tenant_can_not_become_another_role(filled: Ledger) -> None:
    for role in ("tenant-alpha", "stockade_panel", "stockade_operator", "stockade"):
        assert _try(filled, "tenant-beta", sql.SQL("SET ROLE {}").format(sql.Identifier(role))).refused == "42501"


def test_a_tenant_makes_nothing_in_the_database(filled: Ledger) -> None:
    for statement in (
        "CREATE TABLE mine ()",
        "CREATE TABLE ledger.mine ()",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE t ()",
    ):
        assert _try(filled, "tenant-beta", sql.SQL(statement)).refused in {"42501", "3F000"}


_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_READ = {"SELECT"}
_ADD = {"SELECT", "INSERT"}
_KEEP = {"SELECT", "INSERT", "UPDATE"}
_TENANT_RIGHTS = {
    **dict.fromkeys(("order_event", "fill", "equity_point"), _ADD),
    **dict.fromkeys(("position", "saved_state"), _KEEP),
    **dict.fromkeys(("order_state", "algorithm", "algorithm_version", *_VIEWS), _READ),
}
_OPERATOR_RIGHTS = {
    **dict.fromkeys(("tenant", "algorithm"), _KEEP),
    **dict.fromkeys(("algorithm_version", "audit", "alert"), _ADD),
}
_PANEL_RIGHTS = {
    **dict.fromkeys({*_OWNED_BY_TENANT, *_VIEWS, "tenant", "alembic_version"} - {"saved_state"}, _READ),
    "audit": _ADD,
    "user": {*_KEEP, "DELETE"},
    "session": {*_KEEP, "DELETE"},
}


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("stockade_tenant", _TENANT_RIGHTS),
        ("stockade_operator", _OPERATOR_RIGHTS),
        ("stockade_panel", _PANEL_RIGHTS),
        ("public", {}),
    ],
)
def test_each_role_has_these_rights_and_no_others(filled: Ledger, role: str, rights: dict[str, set[str]]) -> None:
    with filled.connect() as connection:
        found = {
            name: {
                right
                for right in _RIGHTS
                if connection.execute(
                    "SELECT has_table_privilege(%s, %s, %s)", (role, f'ledger."{name}"', right)
                ).fetchone()
                == (True,)
            }
            for name in _EVERYTHING
        }
    assert {name: found_rights for name, found_rights in found.items() if found_rights} == rights


def test_the_operator_sees_no_order_and_no_password(filled: Ledger) -> None:
    for name in ("order_event", "fill", "user", "session", "order_history"):
        assert _try(filled, "stockade_operator", _of(name, "SELECT * FROM {table}")).refused == "42501"


def test_the_panel_sees_all_and_acknowledges_alerts(filled: Ledger) -> None:
    assert _try(filled, "stockade_panel", _of("order_history", "SELECT * FROM {table}")).rows == 2
    acknowledge = sql.SQL("UPDATE ledger.alert SET acknowledged = now(), acknowledged_by = 'me'")
    assert _try(filled, "stockade_panel", acknowledge) == Attempt(2, None)
    assert _try(filled, "stockade_panel", sql.SQL("UPDATE ledger.alert SET message = ''")).refused == "42501"


def _add_session(ledger: Ledger, tenant: str) -> None:
    ledger.add_tenant(tenant)
    with ledger.connect() as connection:
        connection.execute(_ROWS.format(t=tenant))


def test_a_live_session_has_an_owner(ledger: Ledger) -> None:
    _add_session(ledger, "living")
    query = "SELECT token_sha256 = sha256('living'), email, tenant, is_admin FROM ledger.session_owner"
    with ledger.connect("tenant-living") as connection:
        assert connection.execute(query).fetchall() == [(True, "living@example.com", "living", False)]


@pytest.mark.parametrize(
    ("tenant", "change"),
    [
        ("expired", "UPDATE ledger.session SET expires = now() - interval '1 second'"),
        ("revoked", "UPDATE ledger.session SET revoked = now()"),
        ("inactive", 'UPDATE ledger."user" SET active = false'),
        ("promoted", 'UPDATE ledger."user" SET tenant_uid = NULL, is_admin = true'),
        ("closed", "UPDATE ledger.tenant SET deleted = now() WHERE name = 'closed'"),
    ],
)
def test_a_session_that_ended_has_no_owner(ledger: Ledger, tenant: str, change: str) -> None:
    _add_session(ledger, tenant)
    with ledger.connect(f"tenant-{tenant}") as gateway, ledger.connect() as owner, owner.transaction():
        assert len(gateway.execute("SELECT * FROM ledger.session_owner").fetchall()) == 1
        owner.execute(sql.SQL(change))
    with ledger.connect(f"tenant-{tenant}") as gateway:
        assert gateway.execute("SELECT * FROM ledger.session_owner").fetchall() == []


def test_tables_are_guarded_even_where_a_grant_is_forgotten(filled: Ledger) -> None:
    with filled.connect() as connection:
        bare = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'r' "
            "AND NOT relrowsecurity"
        ).fetchall()
    assert sorted(row[0] for row in bare) == ["alembic_version", "news_channel"]


def test_the_roles_passwords_are_their_own(filled: Ledger) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(filled.url("tenant-beta").replace(PASSWORD, "another"))
