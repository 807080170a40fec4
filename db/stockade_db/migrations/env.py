"""Runs the migrations on the connection it is given; apart because Alembic loads this file by name."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from stockade_db import tables, views

# Alembic's own table and one that no model needs; the views are compared by a test of their own.
_NOT_COMPARED = views.NAMES | {"alembic_version", "news_channel"}


def _is_compared(_object: object, name: str | None, type_: str, *_rest: object) -> bool:
    return type_ != "table" or name not in _NOT_COMPARED


def _run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        version_table_schema=tables.SCHEMA,
        include_schemas=True,
        include_name=lambda name, type_, _parents: type_ != "schema" or name == tables.SCHEMA,
        include_object=_is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
