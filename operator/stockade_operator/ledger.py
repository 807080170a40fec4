"""The operator's part of the ledger: tenants and their roles, and which algorithms, versions and alerts there are.

Apart from everything else because PostgreSQL may be away: each method then raises `LedgerError` after a few seconds,
the tenant's condition says so, and pods go on starting and stopping without it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from stockade_operator.errors import LedgerError

CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 5000
TRANSACTION_SECONDS = 20.0
TENANT_GROUP = "stockade_tenant"


@dataclass(frozen=True)
class AlgorithmRow:
    """One Algorithm as the ledger lists it."""

    uid: str
    name: str
    account: str
    mode: str
    version: int
    version_hash: str


@dataclass(frozen=True)
class AlertRow:
    """Something a person should see, for as long as it is so."""

    object_kind: str
    object_name: str
    severity: str
    reason: str
    message: str


def make_password() -> str:
    """Return a new password for a tenant's role; nobody ever types it."""
    return secrets.token_urlsafe(32)


class Ledger:
    """Writes as the role `stockade_operator`; every method is idempotent and raises `LedgerError`."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def has_role(self, role: str) -> bool:
        """Return whether the tenant's role exists and may log in."""
        async with self._connect() as connection:
            found = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolcanlogin", (role,))
            return await found.fetchone() is not None

    async def set_role(self, role: str, password: str) -> None:
        """Create the tenant's role or give it this password; the password goes out as its SCRAM verifier only."""
        async with self._connect() as connection:
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            name, word = sql.Identifier(role), sql.Literal(verifier)
            found = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            if await found.fetchone() is None:
                group = sql.Identifier(TENANT_GROUP)
                await connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(name, word, group)
                )
            else:
                await connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, word))

    async def open_tenant(self, uid: str, name: str, display_name: str) -> None:
        """Write the tenant's row."""
        async with self._connect() as connection:
            await connection.execute("SELECT ledger.open_tenant(%s, %s, %s)", (uid, name, display_name))

    async def close_tenant(self, uid: str, role: str) -> None:
        """Close the tenant's row and remove its role; its rows stay."""
        async with self._connect() as connection:
            await connection.execute("SELECT ledger.close_tenant(%s)", (uid,))
            await connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    async def list_algorithms(self, tenant_uid: str, rows: frozenset[AlgorithmRow]) -> None:
        """Make the ledger list exactly these Algorithms of the tenant, each with its newest version."""
        async with self._connect() as connection:
            await connection.execute(
                "UPDATE ledger.algorithm SET deleted = now() "
                "WHERE tenant_uid = %s AND deleted IS NULL AND uid <> ALL(%s)",
                (tenant_uid, [row.uid for row in rows]),
            )
            for row in sorted(rows, key=lambda each: each.uid):
                await connection.execute(
                    "INSERT INTO ledger.algorithm (uid, tenant_uid, name, account, mode) VALUES (%s, %s, %s, %s, %s) "
                    "ON CONFLICT (uid) DO UPDATE SET account = excluded.account, mode = excluded.mode, deleted = NULL",
                    (row.uid, tenant_uid, row.name, row.account, row.mode),
                )
                await connection.execute(
                    "INSERT INTO ledger.algorithm_version (algorithm_uid, version, tenant_uid, source_sha256) "
                    "VALUES (%s, %s, %s, %s) ON CONFLICT (algorithm_uid, version) DO NOTHING",
                    (row.uid, row.version, tenant_uid, row.version_hash),
                )

    async def list_alerts(self, tenant_uid: str, rows: frozenset[AlertRow]) -> None:
        """Raise the alerts that are new, resolve those that are no longer so."""
        async with self._connect() as connection:
            found = await connection.execute(
                "SELECT id, object_kind, object_name, reason FROM ledger.alert "
                "WHERE tenant_uid = %s AND resolved IS NULL",
                (tenant_uid,),
            )
            standing = {(kind, name, reason): number for number, kind, name, reason in await found.fetchall()}
            wanted = {(row.object_kind, row.object_name, row.reason): row for row in rows}
            gone = [number for place, number in standing.items() if place not in wanted]
            await connection.execute("UPDATE ledger.alert SET resolved = now() WHERE id = ANY(%s)", (gone,))
            for place, row in wanted.items():
                if place not in standing:
                    await connection.execute(
                        "INSERT INTO ledger.alert (tenant_uid, object_kind, object_name, severity, reason, message) "
                        "VALUES (%s, %s, %s, %s, %s, %s)",
                        # PostgreSQL's text has no NUL, and an exception of the user's code may tell one.
                        (
                            tenant_uid,
                            row.object_kind,
                            row.object_name,
                            row.severity,
                            row.reason,
                            row.message.replace("\0", "\ufffd"),
                        ),
                    )

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """Open a connection for one transaction."""
        try:
            # The server's own limits help nobody when the server is silent, and each tenant's worker would wait for it.
            async with (
                asyncio.timeout(TRANSACTION_SECONDS),
                await AsyncConnection.connect(
                    self._url,
                    connect_timeout=CONNECT_SECONDS,
                    options=f"-c statement_timeout={STATEMENT_MILLISECONDS} -c lock_timeout={STATEMENT_MILLISECONDS}",
                    application_name="stockade-operator",
                ) as connection,
            ):
                yield connection
        except (psycopg.Error, TimeoutError) as error:
            # Only the kind of error: a message of the driver may quote the address with the password in it.
            raise LedgerError(f"PostgreSQL: {type(error).__name__}") from None
