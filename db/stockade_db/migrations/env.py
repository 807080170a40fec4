"""Runs the migrations on the connection it is given; apart because Alembic loads this file by name."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from stockade_db import tables, views


def _is_table_of_ours(_object: object, name: str | None, type_: str, _reflected: bool, _compare_to: object) -> bool:  # noqa: FBT001
    """Leave the views and Alembic's own table out of the comparison of models and database."""
    return type_ != "table" or (name not in views.NAMES and name != "alembic_version" and name != "news_channel")


def _run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        version_table_schema=tables.SCHEMA,
        include_schemas=True,
        include_name=lambda name, type_, _parents: type_ != "schema" or name == tables.SCHEMA,
        include_object=_is_table_of_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
