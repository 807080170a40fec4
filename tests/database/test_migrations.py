"""The migrations make exactly what the models say, once, whoever runs them and however often."""

import threading

import pytest
from alembic import command
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Engine, NullPool, create_engine, inspect, text
from sqlmodel import Session, SQLModel, select

from stockade_db import tables, views
from stockade_db.errors import DatabaseUnreachableError
from stockade_db.migrate import alembic_config, migrate
from stockade_db.settings import Settings
from tests.support.postgresql import PASSWORD, Ledger, Server


def _settings(url: str, wait_seconds: float = 30) -> Settings:
    return Settings(database_url=url, operator_password=PASSWORD, panel_password=PASSWORD, wait_seconds=wait_seconds)


def _engine(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)


def test_models_say_what_the_migrations_made(ledger: Ledger) -> None:
    with _engine(ledger.url()).connect() as connection:
        # Raises with the differences when there are any.
        command.check(alembic_config(connection))
        context = MigrationContext.configure(connection, opts={"version_table_schema": tables.SCHEMA})
        assert context.get_current_revision() == "0006"


@pytest.mark.parametrize("model", [m for m in vars(views).values() if isinstance(m, type) and hasattr(m, "__table__")])
def test_view_model_has_the_views_columns(ledger: Ledger, model: type[SQLModel]) -> None:
    engine = _engine(ledger.url())
    table = model.metadata.tables[f"ledger.{model.__tablename__}"]
    found = [column["name"] for column in inspect(engine).get_columns(table.name, "ledger")]
    with Session(engine) as session:
        session.exec(select(model)).all()
    assert sorted(found) == sorted(column.name for column in table.columns)


def test_every_view_has_a_model(ledger: Ledger) -> None:
    engine = _engine(ledger.url())
    assert set(inspect(engine).get_view_names("ledger")) == views.NAMES


def test_running_twice_changes_nothing(ledger: Ledger) -> None:
    with ledger.connect() as connection:
        before = connection.execute("SELECT * FROM ledger.tenant, ledger.news_channel ORDER BY uid").fetchall()
        migrate(_settings(ledger.url()))
        after = connection.execute("SELECT * FROM ledger.tenant, ledger.news_channel ORDER BY uid").fetchall()
    assert before
    assert after == before


@pytest.mark.usefixtures("ledger")  # which makes the roles: they are the server's
def test_a_ledger_of_before_keeps_its_rows_and_serves_gateways_of_before(postgresql: Server) -> None:
    url = postgresql.create_database("upgraded")
    with _engine(url).begin() as connection:
        connection.execute(text("CREATE SCHEMA ledger"))
        command.upgrade(alembic_config(connection), "0005")
    upgraded = Ledger(postgresql, "upgraded")
    upgraded.add_tenant("alpha")

    def add_step(sequence: int, state: str) -> None:
        """Write a row as a gateway does that knows nothing of `received_time`."""
        with upgraded.connect("tenant-alpha") as gateway:
            gateway.execute(
                "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time,"
                " state, symbol, side, type) VALUES ('main', 'grid', 1, 'sk-1', %s, now(), %s, 'BTCUSDT', 'BUY',"
                " 'MARKET')",
                (sequence, state),
            )

    add_step(0, "SUBMITTED")
    migrate(_settings(url))
    add_step(1, "ACCEPTED")
    with upgraded.connect() as owner:
        history = owner.execute("SELECT state, sequence, received_time FROM ledger.order_history").fetchall()
        times = owner.execute("SELECT received_time FROM ledger.order_event").fetchall()
    assert history == [("ACCEPTED", 1, None)]
    assert times == [(None,), (None,)]


def test_two_jobs_at_once_both_succeed(postgresql: Server) -> None:
    url = postgresql.create_database("two_jobs")
    failures: list[Exception] = []

    def run() -> None:
        try:
            migrate(_settings(url))
        except Exception as error:  # noqa: BLE001 whatever it is, the test must show it
            failures.append(error)

    jobs = [threading.Thread(target=run) for _ in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(timeout=60)
    assert failures == []
    engine = _engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger.news_channel")).scalar_one() == 1


def test_a_silent_address_is_given_up_with_a_clear_error() -> None:
    with pytest.raises(DatabaseUnreachableError, match=r"did not answer in 1 s"):
        migrate(_settings("postgresql://stockade:x@127.0.0.1:1/stockade", wait_seconds=1))


def test_passwords_never_reach_the_server_in_the_clear(postgresql: Server) -> None:
    with postgresql.create_ledger("verifiers").connect() as connection:
        stored = connection.execute(
            sql.SQL("SELECT rolpassword FROM pg_authid WHERE rolname IN ('stockade_operator', 'stockade_panel')")
        ).fetchall()
    assert [row[0][:14] for row in stored] == ["SCRAM-SHA-256$"] * 2
