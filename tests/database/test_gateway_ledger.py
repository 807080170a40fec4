"""The gateway's ledger writer on a real PostgreSQL: everything arrives exactly once, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stockade_db import tables
from stockade_gateway.errors import LedgerError
from stockade_gateway.ledger import EquityRow, FillRow, Ledger, OrderEventRow, PositionRow
from stockade_gateway.ledger_rows import SavedStateRow
from tests.support import postgresql as support

_DEADLINE_SECONDS = 60
_TIME = datetime(2026, 1, 1, 12, tzinfo=UTC)
_PREFIX = "skaaaaaaaaaa-"


def _event(number: int, sequence: int = 0, **changes: Any) -> OrderEventRow:
    row = OrderEventRow(
        account="main",
        algorithm="grid",
        version=3,
        client_order_id=f"{_PREFIX}{number}",
        sequence=sequence,
        event_time=_TIME + timedelta(seconds=sequence),
        received_time=_TIME + timedelta(seconds=sequence, microseconds=1),
        state="SUBMITTED",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        time_in_force="GTC",
        quantity=Decimal("0.5"),
        price=Decimal("60000.01"),
    )
    return msgspec.structs.replace(row, **changes)


def _fill(number: int, trade_id: int) -> FillRow:
    return FillRow(
        account="main",
        symbol="BTCUSDT",
        trade_id=trade_id,
        client_order_id=f"{_PREFIX}{number}",
        algorithm="grid",
        exchange_order_id=number,
        side="BUY",
        price=Decimal("60000.01"),
        quantity=Decimal("0.25"),
        quote_quantity=Decimal("15000.0025"),
        commission=Decimal("0.00025"),
        commission_asset="BTC",
        is_maker=True,
        trade_time=_TIME,
        received_time=_TIME + timedelta(seconds=41),
    )


@pytest.fixture
def database(ledger: support.Ledger) -> support.Ledger:
    """Empty the tables a gateway writes."""
    with ledger.connect() as connection:
        connection.execute(
            "TRUNCATE ledger.order_event, ledger.order_state, ledger.fill, ledger.position, ledger.equity_point"
        )
    return ledger


@pytest.fixture
def url_file(database: support.Ledger, tmp_path: Path) -> Path:
    """Write the address of tenant alpha's role, as its Secret is mounted."""
    path = tmp_path / "url"
    path.write_text(database.url("tenant-alpha") + "\n")
    return path


@pytest.fixture
def writer(url_file: Path, tmp_path: Path) -> Iterator[Ledger]:
    """Run a writer as tenant alpha."""
    ledger = Ledger(url_file, tmp_path)
    yield ledger
    ledger.close(_DEADLINE_SECONDS)


def _query(database: support.Ledger, statement: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"no {what} in {_DEADLINE_SECONDS} s"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("row_type", "model"),
    [
        (OrderEventRow, tables.OrderEvent),
        (FillRow, tables.Fill),
        (PositionRow, tables.Position),
        (EquityRow, tables.EquityPoint),
        (SavedStateRow, tables.SavedState),
    ],
)
def test_rows_have_the_tables_columns(row_type: type[msgspec.Struct], model: Any) -> None:
    assert set(row_type.__struct_fields__) == set(model.model_fields) - {"tenant_uid", "recorded_time"}


def test_the_newest_state_of_a_strategy_is_kept(writer: Ledger, database: support.Ledger) -> None:
    newer = SavedStateRow(algorithm_uid="grid-1", content=b"\x00j{}" * 1000, saved_time=_TIME + timedelta(seconds=1))
    older = SavedStateRow(algorithm_uid="grid-1", content=b"old", saved_time=_TIME)
    assert writer.load_state("grid-1") is None
    for row in (newer, older):
        writer.save_state(row)
    assert writer.load_state("grid-1") == newer
    assert writer.load_state("grid-2") is None
    with pytest.raises(LedgerError, match="content_is_bounded"):
        writer.save_state(msgspec.structs.replace(newer, content=bytes(65537)))
    assert _query(database, "SELECT tenant_uid, count(*) FROM ledger.saved_state GROUP BY 1") == [("uid-of-alpha", 1)]


def test_lists_and_trailing_orders_are_in_the_history(writer: Ledger, database: support.Ledger) -> None:
    writer.record_order_event(_event(1, type="STOP_LOSS", trailing_delta=150, list_id=f"{_PREFIX}0"))
    writer.record_order_event(_event(1, 1, type="STOP_LOSS", trailing_delta=150, list_id=f"{_PREFIX}0", quantity="0.4"))
    assert writer.flush(_DEADLINE_SECONDS)
    for view in ("open_orders", "order_history"):
        found = _query(database, f"SELECT trailing_delta, list_id, quantity FROM ledger.{view}")
        assert found == [(150, f"{_PREFIX}0", Decimal("0.4"))]
    (row,) = writer.load_orders(prefix=_PREFIX)
    assert (row.trailing_delta, row.list_id) == (150, f"{_PREFIX}0")


def test_each_kind_of_row_arrives_as_it_was(writer: Ledger, database: support.Ledger) -> None:
    writer.record_order_event(_event(1))
    writer.record_order_event(_event(1, 1, state="ACCEPTED", exchange_order_id=77))
    writer.record_fill(_fill(1, 5))
    position = PositionRow(
        account="main",
        algorithm="grid",
        symbol="BTCUSDT",
        quantity=Decimal("0.24975"),
        average_price=Decimal("60000.01"),
        realized_pnl=Decimal(0),
        quote_asset="USDT",
        updated=_TIME,
    )
    writer.record_position(position)
    writer.record_position(msgspec.structs.replace(position, quantity=Decimal(1), updated=_TIME + timedelta(seconds=1)))
    writer.record_position(msgspec.structs.replace(position, quantity=Decimal(9), updated=_TIME - timedelta(seconds=1)))
    writer.record_equity(
        EquityRow(
            account="main",
            algorithm="grid",
            quote_asset="USDT",
            time=_TIME,
            realized_pnl=Decimal("1.5"),
            unrealized_pnl=None,
            fees=Decimal("0.000000000000000001"),
            position_notional=None,
        )
    )
    assert writer.flush(_DEADLINE_SECONDS), writer.error
    assert (writer.spooled, writer.error, writer.refused, writer.lost) == (0, None, 0, 0)
    assert writer.last_written_time is not None
    assert list(writer.load_fills(prefix=_PREFIX)) == [_fill(1, 5)]
    assert writer.load_orders(prefix=_PREFIX) == [_event(1, 1, state="ACCEPTED", exchange_order_id=77)]
    assert _query(database, "SELECT received_time - trade_time FROM ledger.fills_with_fees") == [
        (timedelta(seconds=41),)
    ]
    assert _query(database, "SELECT tenant, quantity FROM ledger.positions") == [("alpha", Decimal(1))]
    assert _query(database, "SELECT fees, unrealized_pnl FROM ledger.equity_point") == [(Decimal("1e-18"), None)]
    assert _query(
        database, "SELECT tenant, state, is_open, exchange_order_id, created_time FROM ledger.order_history"
    ) == [("alpha", "ACCEPTED", True, 77, _TIME)]


def test_a_late_step_does_not_undo_a_later_one(writer: Ledger, database: support.Ledger) -> None:
    filled = _event(1, 2, state="FILLED", filled_quantity=Decimal("0.5"), filled_quote=Decimal(30000))
    writer.record_order_event(filled)
    assert writer.flush(_DEADLINE_SECONDS)
    writer.record_order_event(_event(1, 0))
    writer.record_order_event(_event(1, 1, state="ACCEPTED"))
    assert writer.flush(_DEADLINE_SECONDS)
    assert _query(
        database, "SELECT state, is_open, average_price, created_time, updated_time FROM ledger.order_history"
    ) == [("FILLED", False, Decimal(60000), _TIME, _TIME + timedelta(seconds=2))]
    assert _query(database, "SELECT received_time FROM ledger.order_history") == [(filled.received_time,)]


def test_orders_of_others_are_not_loaded(writer: Ledger) -> None:
    writer.record_order_event(_event(1))
    writer.record_order_event(_event(2, client_order_id="skm-1", algorithm="", version=0))
    writer.record_order_event(_event(3, state="DENIED", event_time=_TIME - timedelta(days=3)))
    assert [row.client_order_id for row in writer.load_orders(prefix=_PREFIX)] == [f"{_PREFIX}1"]
    assert [row.client_order_id for row in writer.load_orders(prefix="skm-")] == ["skm-1"]


def test_of_a_long_past_only_the_newest_closed_orders_are_loaded_and_every_open_one(writer: Ledger) -> None:
    now = datetime.now(UTC)
    writer.record_order_event(_event(0, event_time=now - timedelta(days=9)))
    for number in range(1, 2101):
        writer.record_order_event(_event(number, state="CANCELED", event_time=now - timedelta(seconds=3000 - number)))
    writer.record_fill(_fill(1, 1))
    names = [row.client_order_id for row in writer.load_orders(prefix=_PREFIX, timeout_seconds=_DEADLINE_SECONDS)]
    assert names == [f"{_PREFIX}{number}" for number in (0, *range(101, 2101))]
    assert writer.load_symbols(prefix=_PREFIX) == {"BTCUSDT"}


def test_an_outage_loses_nothing_and_doubles_nothing(
    writer: Ledger, database: support.Ledger, postgresql: support.Server
) -> None:
    writer.record_order_event(_event(0))
    assert writer.flush(_DEADLINE_SECONDS)
    postgresql.stop(signal.SIGQUIT)
    heard = datetime.now(UTC)
    try:
        for number in range(1, 2001):
            writer.record_order_event(_event(number, received_time=heard))
            writer.record_fill(msgspec.structs.replace(_fill(number, number), received_time=heard))
        _await(lambda: writer.error is not None, "error reported")
        assert writer.spooled == 4000
        assert not writer.flush(0.2)
        with pytest.raises(LedgerError, match="4000 rows are not in it yet"):
            writer.load_orders(prefix=_PREFIX, timeout_seconds=0.1)
        over = datetime.now(UTC)
    finally:
        postgresql.start()
    assert writer.flush(_DEADLINE_SECONDS), writer.error
    assert (writer.error, writer.refused, writer.lost) == (None, 0, 0)
    assert _query(database, "SELECT count(*), count(DISTINCT client_order_id) FROM ledger.order_event") == [
        (2001, 2001)
    ]
    assert _query(database, "SELECT count(*), sum(quantity) FROM ledger.fill") == [(2000, Decimal(500))]
    for table in ("order_event", "fill"):
        query = f"SELECT min(received_time), max(received_time), min(recorded_time) FROM ledger.{table}"
        ((first, last, recorded),) = _query(database, f"{query} WHERE client_order_id <> '{_PREFIX}0'")
        assert first == last == heard < over < recorded


def test_a_silent_server_is_cut_off(url_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade_gateway.ledger._SILENCE_SECONDS", 0.5)
    writer = Ledger(url_file, tmp_path)
    writer.record_order_event(_event(1))
    assert writer.flush(_DEADLINE_SECONDS)
    assert writer._connection is not None
    backend = writer._connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    try:
        writer.record_order_event(_event(2))
        _await(lambda: writer.error is not None, "error although the server is silent")
    finally:
        os.kill(backend, signal.SIGCONT)
    assert writer.close(_DEADLINE_SECONDS)


_RECORD_FOR_EVER = """
import sys
from pathlib import Path
from tests.database.test_gateway_ledger import _event
from stockade_gateway.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), Path(sys.argv[2]))
number = 0
while True:
    ledger.record_order_event(_event(number))
    print(number, flush=True)
    number += 1
"""


def test_what_was_recorded_before_a_kill_arrives_once(url_file: Path, tmp_path: Path, database: support.Ledger) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _RECORD_FOR_EVER, str(url_file), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as recorder:
        assert recorder.stdout is not None
        # Killed while rows are on their way: some are in the ledger, some in the spool, perhaps some in both.
        for line in recorder.stdout:
            if int(line) >= 1000:
                break
        recorder.kill()
        last = max([1000, *map(int, recorder.stdout.read().decode().splitlines(keepends=False)[:-1])])
    writer = Ledger(url_file, tmp_path)
    assert writer.close(_DEADLINE_SECONDS), writer.error
    assert (writer.refused, writer.lost) == (0, 0)
    rows = _query(database, "SELECT client_order_id FROM ledger.order_event")
    assert {f"{_PREFIX}{number}" for number in range(last + 1)} <= {row[0] for row in rows}


def test_a_row_refused_for_good_is_set_aside_and_blocks_nobody(
    database: support.Ledger, tmp_path: Path, url_file: Path
) -> None:
    writer = Ledger(url_file, tmp_path)
    writer.record_order_event(_event(1))
    writer.record_order_event(_event(2, side="LONG"))
    writer.record_order_event(_event(3, reason="a\x00zero"))
    writer.record_order_event(_event(4, price=Decimal("1e30")))
    writer.record_order_event(_event(5))
    assert writer.flush(_DEADLINE_SECONDS), writer.error
    assert (writer.refused, writer.error) == (3, "PostgreSQL refused 3 rows for good")
    assert _query(database, "SELECT client_order_id FROM ledger.order_event ORDER BY 1") == [
        (f"{_PREFIX}1",),
        (f"{_PREFIX}5",),
    ]
    aside = [msgspec.json.decode(line) for line in (tmp_path / "ledger.refused").read_bytes().splitlines()]
    assert "side_known" in aside[0]["reason"]
    assert f"{_PREFIX}2" in aside[0]["row"]
    writer.close(_DEADLINE_SECONDS)
    again = Ledger(url_file, tmp_path)
    assert again.refused == 3
    again.close(_DEADLINE_SECONDS)


def test_rows_refused_without_end_fill_no_volume(
    database: support.Ledger, tmp_path: Path, url_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade_gateway.ledger._MAXIMUM_REFUSED_BYTES", 1000)
    writer = Ledger(url_file, tmp_path)
    for number in range(20):
        writer.record_order_event(_event(number, side="LONG"))
    assert writer.flush(_DEADLINE_SECONDS), writer.error
    assert writer.refused == 20
    assert 1000 < (tmp_path / "ledger.refused").stat().st_size < 2000
    writer.close(_DEADLINE_SECONDS)


def test_another_step_under_a_used_sequence_is_not_swallowed(writer: Ledger, database: support.Ledger) -> None:
    writer.record_order_event(_event(1))
    writer.record_order_event(_event(1))
    assert writer.flush(_DEADLINE_SECONDS)
    assert writer.refused == 0
    writer.record_order_event(_event(1, state="CANCELED"))
    assert writer.flush(_DEADLINE_SECONDS)
    assert writer.refused == 1
    assert _query(database, "SELECT state FROM ledger.order_event") == [("SUBMITTED",)]


def test_without_a_tenant_rows_wait_instead_of_being_lost(
    ledger: support.Ledger, url_file: Path, tmp_path: Path
) -> None:
    ledger.add_tenant("late")
    with ledger.connect("stockade_operator") as connection:
        connection.execute("SELECT ledger.close_tenant('uid-of-late')")
    url_file.write_text(ledger.url("tenant-late"))
    writer = Ledger(url_file, tmp_path)
    writer.record_order_event(_event(1))
    _await(lambda: writer.error is not None, "error reported")
    assert "belongs to no tenant" in str(writer.error)
    assert (writer.spooled, writer.refused) == (1, 0)
    ledger.add_tenant("late", "uid-of-late-2")
    assert writer.close(_DEADLINE_SECONDS), writer.error


def test_a_malformed_address_is_said_without_repeating_it(url_file: Path, tmp_path: Path) -> None:
    url_file.write_text("postgresql//role:hush@host")
    writer = Ledger(url_file, tmp_path)
    writer.record_order_event(_event(1))
    _await(lambda: writer.error is not None, "error reported")
    assert "hush" not in str(writer.error)
    writer.close(0.1)


def test_a_full_spool_is_said_and_counted(url_file: Path, tmp_path: Path) -> None:
    url_file.write_text("postgresql://role@127.0.0.1:1/none")
    writer = Ledger(url_file, tmp_path, maximum_spool_bytes=20_000)
    for number in range(100):
        writer.record_order_event(_event(number))
    assert writer.full
    assert writer.lost == 100 - writer.spooled
    assert "rows lost" in str(writer.error)
    writer.close(0.1)
