"""Creates the database roles of operator, panel and tenants; apart from the schema because it needs their passwords."""

from typing import Any

from psycopg import Connection, sql

OPERATOR = "stockade_operator"
PANEL = "stockade_panel"
TENANT_GROUP = "stockade_tenant"

# From 16 on, whoever hands out a role must be able to administer it, without thereby having its rights.
_ADMIN_OPTION_VERSION = 160000


def tenant_role(tenant: str) -> str:
    """Return the name of a tenant's role; the row-level policies find the tenant by it."""
    return f"tenant-{tenant}"


def create_roles(connection: Connection[Any], *, operator_password: str, panel_password: str) -> None:
    """Create the roles or bring them up to date, and shut the database to everybody else. Idempotent."""
    _ensure_role(connection, TENANT_GROUP, sql.SQL("NOLOGIN NOCREATEROLE NOBYPASSRLS"))
    _ensure_role(connection, PANEL, _login(connection, PANEL, panel_password, sql.SQL("NOCREATEROLE")))
    _ensure_role(connection, OPERATOR, _login(connection, OPERATOR, operator_password, sql.SQL("CREATEROLE")))
    if connection.info.server_version >= _ADMIN_OPTION_VERSION:
        connection.execute(
            sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").format(
                sql.Identifier(TENANT_GROUP), sql.Identifier(OPERATOR)
            )
        )
    database = sql.Identifier(connection.info.dbname)
    roles = sql.SQL(", ").join(map(sql.Identifier, (OPERATOR, PANEL, TENANT_GROUP)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, roles))
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def _login(connection: Connection[Any], role: str, password: str, rights: sql.SQL) -> sql.Composable:
    """Return the attributes of a role that logs in; the password leaves this process only as its SCRAM verifier."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    return sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOBYPASSRLS {} PASSWORD {}").format(rights, sql.Literal(verifier))


def _ensure_role(connection: Connection[Any], role: str, attributes: sql.Composable) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    verb = sql.SQL("ALTER" if found else "CREATE")
    connection.execute(sql.SQL("{} ROLE {} WITH {}").format(verb, sql.Identifier(role), attributes))
