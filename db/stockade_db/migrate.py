"""Brings the ledger's schema and roles to this version; run by the migrations Job before anything else starts."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from stockade_db import roles
from stockade_db.errors import DatabaseUnreachableError
from stockade_db.settings import Settings
from stockade_db.tables import SCHEMA

_LOG = logging.getLogger(__name__)
_CONNECT_TIMEOUT_SECONDS = 5
_RETRY_SECONDS = 1.0
# Any number will do as long as it never changes: two Jobs at once must ask for the same lock.
_LOCK_KEY = 5_706_114_019


def migrate(settings: Settings) -> None:
    """Wait for PostgreSQL, then create roles and migrate under a lock. Idempotent.

    Raises DatabaseUnreachableError when PostgreSQL does not answer in `settings.wait_seconds`.
    """
    with _connect(settings) as connection, _locked(connection):
        roles.create_roles(
            connection, operator_password=settings.operator_password, panel_password=settings.panel_password
        )
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        upgrade(settings.database_url)
    _LOG.info("the ledger is up to date")


def upgrade(database_url: str) -> None:
    """Run the migrations that are missing; the roles and the schema must exist."""
    engine = create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg"), poolclass=NullPool, hide_parameters=True
    )
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "head")
    engine.dispose()


def alembic_config(connection: Any) -> Config:
    """Return Alembic's configuration for one open SQLAlchemy connection."""
    config = Config()
    config.set_main_option("script_location", "stockade_db:migrations")
    config.attributes["connection"] = connection
    return config


def _connect(settings: Settings) -> psycopg.Connection[Any]:
    """Return a connection in autocommit mode, waiting for PostgreSQL up to the deadline and saying so."""
    deadline = time.monotonic() + settings.wait_seconds
    while True:
        try:
            return psycopg.connect(
                settings.database_url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS, client_encoding="utf8"
            )
        except psycopg.OperationalError as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise DatabaseUnreachableError(
                    f"PostgreSQL did not answer in {settings.wait_seconds:.0f} s: {error}"
                ) from error
            _LOG.info("waiting for PostgreSQL, %.0f s left: %s", left, str(error).strip())
            time.sleep(min(_RETRY_SECONDS, left))


@contextmanager
def _locked(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold the lock that keeps a second Job out; it ends with the connection even if this process is killed."""
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))
