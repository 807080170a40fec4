"""Writes orders, fills, positions and results to PostgreSQL, away from the hot path and each exactly once.

A row is put into the spool's file at once (some microseconds) and a thread carries the file to PostgreSQL in batches;
the database drops what it already has, so a batch may be sent again after any failure. Rows that PostgreSQL refuses for
good are set aside in a file and counted. PostgreSQL's absence, silence or refusal to connect costs nothing but room in
the spool.
"""

import contextlib
import logging
import os
import random
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from stockade_gateway.errors import LedgerError
from stockade_gateway.ledger_rows import (
    CLASHES,
    ORDER_EVENT,
    SAVE_STATE,
    STATEMENTS,
    EquityRow,
    FillRow,
    OrderEventRow,
    PositionRow,
    Row,
    SavedStateRow,
    columns,
    encode_row,
)
from stockade_gateway.spool import Batch, Spool

__all__ = ["EquityRow", "FillRow", "Ledger", "OrderEventRow", "PositionRow"]

_LOG = logging.getLogger(__name__)
_MAXIMUM_SPOOL_BYTES = 64 * 1024 * 1024
_MAXIMUM_REFUSED_BYTES = 16 * 1024 * 1024
_BATCH_ROWS = 500
_GATHER_SECONDS = 0.05
_LOG_EVERY_LOST = 1000
_IDLE_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 15.0
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 10
# Beyond the server's own time-out: a server that is silent altogether is cut off by us.
_SILENCE_SECONDS = 20.0
_LOAD_SECONDS = 120.0
_LOAD_ROWS = 1000
_CLOSED_ORDERS = 2000
# SQLSTATE classes of what no repetition mends: data exceptions, violated constraints, a row twice in one statement.
_FOR_GOOD = ("22", "23", "21")

_StoredRow = TypeVar("_StoredRow", bound=msgspec.Struct)


class _SymbolRow(msgspec.Struct):
    symbol: str


class Ledger:
    """The gateway's way into the ledger, as its tenant's role. Thread-safe; `close` it."""

    def __init__(self, url_file: Path, spool_directory: Path, maximum_spool_bytes: int = _MAXIMUM_SPOOL_BYTES) -> None:
        """Take up what an earlier process left in the spool; raises LedgerError when the spool can't be opened.

        `url_file` holds the address and is read again for each connection, so that a new password needs no restart.
        """
        self._url_file = url_file
        self._spool = Spool(spool_directory / "ledger.spool", maximum_spool_bytes)
        self._refused_path = spool_directory / "ledger.refused"
        self._connection: psycopg.Connection[Any] | None = None
        self._wake = threading.Condition()
        self._hurry = False
        # True while the writer sleeps for want of rows: only then does a row wake it, as waking costs an order's time.
        self._idle = False
        self._closing = False
        self.last_written_time: datetime | None = None
        self._failure: str | None = None
        self.refused = _count_lines(self._refused_path)
        self.lost = 0
        self._writer = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._writer.start()

    @property
    def spooled(self) -> int:
        """Rows that PostgreSQL does not have yet."""
        return self._spool.rows

    @property
    def error(self) -> str | None:
        """Why rows don't get through or that some were refused or lost, None when all is well."""
        refused = f"PostgreSQL refused {self.refused} rows for good" if self.refused else None
        lost = f"{self.lost} rows lost for want of room in the spool" if self.lost else None
        return "; ".join(filter(None, (self._failure, refused, lost))) or None

    @property
    def full(self) -> bool:
        """True when the spool has little room left: stop sending new orders."""
        return self._spool.full

    def record_order_event(self, row: OrderEventRow) -> None:
        """Take in one step of an order."""
        self._record(row)

    def record_fill(self, row: FillRow) -> None:
        """Take in one trade."""
        self._record(row)

    def record_position(self, row: PositionRow) -> None:
        """Take in what is held now; the newest `updated` wins."""
        self._record(row)

    def record_equity(self, row: EquityRow) -> None:
        """Take in a result."""
        self._record(row)

    def flush(self, timeout_seconds: float) -> bool:
        """Carry everything to PostgreSQL now; False when rows are left after the time-out."""
        with self._wake:
            self._hurry = True
            self._wake.notify_all()
            done = self._wake.wait_for(lambda: not self._spool.rows, timeout_seconds)
            self._hurry = False
        return done

    def load_orders(self, *, prefix: str, timeout_seconds: float = 30.0) -> list[OrderEventRow]:
        """Return the newest step of each order with this prefix that is open, and of the last closed, oldest first.

        Of those closed in the last day it is the newest 2000, as many as the books keep.

        Raises LedgerError when the spool can't be emptied first or PostgreSQL does not answer.
        """
        query = f"""
            SELECT {columns(OrderEventRow)} FROM ledger.order_event e
            JOIN (SELECT account, client_order_id, sequence FROM ledger.order_state
                  WHERE starts_with(client_order_id, %(prefix)s) AND is_open
                  UNION ALL
                  (SELECT account, client_order_id, sequence FROM ledger.order_state
                   WHERE starts_with(client_order_id, %(prefix)s) AND NOT is_open
                         AND updated_time > now() - interval '1 day'
                   ORDER BY updated_time DESC LIMIT {_CLOSED_ORDERS})) s
            USING (account, client_order_id, sequence) ORDER BY event_time, client_order_id
        """  # noqa: S608 words of our own
        return list(self._load(OrderEventRow, query, prefix, timeout_seconds))

    def load_symbols(self, *, prefix: str, timeout_seconds: float = 30.0) -> set[str]:
        """Return the symbols of all fills of the orders with this prefix; raises LedgerError like `load_orders`."""
        query = "SELECT DISTINCT symbol FROM ledger.fill WHERE starts_with(client_order_id, %(prefix)s)"
        return {row.symbol for row in self._load(_SymbolRow, query, prefix, timeout_seconds)}

    def load_fills(self, *, prefix: str, timeout_seconds: float = 30.0) -> Iterator[FillRow]:
        """Yield every fill of the orders with this prefix, oldest first, without holding all in memory.

        Raises LedgerError when the spool can't be emptied first or PostgreSQL does not answer.
        """
        query = (
            f"SELECT {columns(FillRow)} FROM ledger.fill "  # noqa: S608 words of our own
            "WHERE starts_with(client_order_id, %(prefix)s) ORDER BY trade_time, symbol, trade_id"
        )
        return self._load(FillRow, query, prefix, timeout_seconds)

    def save_state(self, row: SavedStateRow) -> None:
        """Replace what is kept for an algorithm's next start, unless that is newer. Raises LedgerError."""
        with _session(self._url_file) as connection:
            connection.execute(_words(SAVE_STATE), msgspec.structs.asdict(row))

    def load_state(self, algorithm_uid: str) -> SavedStateRow | None:
        """Return what is kept for an algorithm's next start, None when nothing is. Raises LedgerError."""
        query = f"SELECT {columns(SavedStateRow)} FROM ledger.saved_state WHERE algorithm_uid = %s"  # noqa: S608 words of our own
        with _session(self._url_file) as connection, connection.cursor(row_factory=class_row(SavedStateRow)) as cursor:
            return cursor.execute(_words(query), (algorithm_uid,)).fetchone()

    def close(self, timeout_seconds: float) -> bool:
        """Flush, stop the thread and close everything; False when rows are left in the spool."""
        done = self.flush(timeout_seconds)
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._writer.join(timeout_seconds + _SILENCE_SECONDS)
        if not self._writer.is_alive():
            self._spool.close()
        return done

    def _record(self, row: Row) -> None:
        if not self._spool.append(encode_row(row)):
            self.lost += 1
            if self.lost % _LOG_EVERY_LOST == 1:
                _LOG.error("the spool has no room, %d rows are lost; make PostgreSQL reachable", self.lost)
            return
        if self._idle or self._spool.rows >= _BATCH_ROWS:
            with self._wake:
                self._wake.notify_all()

    def _run(self) -> None:
        """Carry the spool to PostgreSQL until closed."""
        wait_seconds = 0.0
        while self._await_rows(wait_seconds):
            try:
                self._carry(self._spool.read(_BATCH_ROWS))
            except (psycopg.Error, OSError, LedgerError) as error:
                wait_seconds = min(max(wait_seconds * 2, _FIRST_RETRY_SECONDS), _LAST_RETRY_SECONDS)
                self._fail(error)
            else:
                wait_seconds = 0.0
        self._disconnect()

    def _await_rows(self, pause_seconds: float) -> bool:
        """Pause after a failure, wait for rows and gather some; False when it is time to stop."""
        with self._wake:
            if pause_seconds:
                # A flush cuts the pause short, but never to a tight loop.
                self._wake.wait_for(lambda: self._closing, _GATHER_SECONDS)
                pause = pause_seconds * random.uniform(0.5, 1.0)  # noqa: S311 only spreads retries
                self._wake.wait_for(lambda: self._closing or self._hurry, pause)
            # Before the look at the rows: whoever adds one after it sees this and wakes the thread.
            self._idle = True
            while not self._spool.rows and not self._closing:
                if not self._wake.wait_for(lambda: self._spool.rows or self._closing, _IDLE_SECONDS):
                    self._disconnect()
            self._idle = False
            self._wake.wait_for(
                lambda: self._closing or self._hurry or self._spool.rows >= _BATCH_ROWS, _GATHER_SECONDS
            )
            return not self._closing

    def _carry(self, batch: Batch) -> None:
        """Write one batch and drop it from the spool; raises what may be mended by trying again."""
        if not batch.lines:
            return
        connection = self._connect()
        with _deadline(connection, _SILENCE_SECONDS):
            try:
                _write(connection, batch.lines)
            except (psycopg.Error, KeyError, UnicodeDecodeError) as error:
                if not _is_for_good(error):
                    raise
                self._write_singly(connection, batch.lines)
        self._spool.drop(batch)
        self.last_written_time = datetime.now(UTC)
        self._failure = None
        with self._wake:
            self._wake.notify_all()

    def _write_singly(self, connection: psycopg.Connection[Any], lines: tuple[bytes, ...]) -> None:
        """Write the rows one by one and set aside those that PostgreSQL refuses for good."""
        for line in lines:
            try:
                _write(connection, (line,))
            except (psycopg.Error, KeyError, UnicodeDecodeError) as error:
                if not _is_for_good(error):
                    raise
                self._set_aside(line, error)

    def _set_aside(self, line: bytes, error: Exception) -> None:
        """Append a refused row and the reason to the file of refused rows."""
        reason = str(error).partition("\n")[0]
        record = msgspec.json.encode({"reason": reason, "row": line.decode(errors="replace")})
        with self._refused_path.open("ab") as file:
            # The volume's size is the pod's life: beyond the bound a row is counted and not kept.
            if file.tell() < _MAXIMUM_REFUSED_BYTES:
                file.write(record + b"\n")
        self.refused += 1
        _LOG.error("the ledger refused a row for good, it is in %s: %s", self._refused_path, reason)

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = open_connection(self._url_file)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fail(self, error: Exception) -> None:
        """Note why nothing gets through; logged once per reason."""
        reason = str(error).partition("\n")[0] or type(error).__name__
        if reason != self._failure:
            _LOG.warning("the ledger can't be written, %d rows wait: %s", self._spool.rows, reason)
        self._failure = reason
        with contextlib.suppress(psycopg.Error):
            self._disconnect()
        self._connection = None

    def _load(
        self, row_type: type[_StoredRow], query: str, prefix: str, timeout_seconds: float
    ) -> Iterator[_StoredRow]:
        if not self.flush(timeout_seconds):
            raise LedgerError(f"the ledger can't be read, {self.spooled} rows are not in it yet: {self.error}")
        return _stream(self._url_file, row_type, query, prefix)


def _stream(url_file: Path, row_type: type[_StoredRow], query: str, prefix: str) -> Iterator[_StoredRow]:
    """Yield a query's rows over a connection of its own."""
    try:
        with (
            open_connection(url_file, autocommit=False) as connection,
            _deadline(connection, _LOAD_SECONDS),
            connection.cursor("load", row_factory=class_row(row_type)) as cursor,
        ):
            cursor.itersize = _LOAD_ROWS
            cursor.execute(_words(query), {"prefix": prefix})
            yield from cursor
    except psycopg.Error as error:
        raise LedgerError(f"the ledger can't be read: {str(error).partition(chr(10))[0]}") from error


@contextlib.contextmanager
def _session(url_file: Path) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection for one short statement; raises LedgerError for all that may go wrong."""
    try:
        with open_connection(url_file) as connection, _deadline(connection, _SILENCE_SECONDS):
            yield connection
    except (psycopg.Error, OSError) as error:
        raise LedgerError(f"the ledger can't be reached: {str(error).partition(chr(10))[0]}") from error


def open_connection(url_file: Path, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    """Connect so that neither a silent server nor a silent network can hold us for long.

    Raises psycopg.Error, OSError when the file can't be read, and LedgerError when it holds no address.
    """
    url = url_file.read_text().strip()
    try:
        address = make_conninfo(
            url,
            connect_timeout=_CONNECT_SECONDS,
            keepalives=1,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=_STATEMENT_SECONDS * 1000,
            application_name="stockade-gateway",
            options=f"-c statement_timeout={_STATEMENT_SECONDS}s -c lock_timeout={_STATEMENT_SECONDS}s -c timezone=UTC",
        )
    except psycopg.ProgrammingError:
        # What libpq says of a malformed address may repeat it, password and all.
        raise LedgerError(
            f"{url_file} holds no address such as postgresql://role:password@host:5432/stockade"
        ) from None
    return psycopg.connect(address, autocommit=autocommit)


@contextlib.contextmanager
def _deadline(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Shut the connection's socket when the block takes too long: the wait inside ends with an OperationalError.

    Raises LedgerError while there is no room for a thread, as when an algorithm forks until its pod is full: what is
    not carried out now is tried again, and the writer's own thread lives on.
    """
    wire = socket.socket(fileno=os.dup(connection.fileno()))

    def cut() -> None:
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError as error:
        wire.close()
        raise LedgerError(f"the ledger has to wait: {error}") from error
    try:
        yield
    finally:
        timer.cancel()
        wire.close()


def _write(connection: psycopg.Connection[Any], lines: tuple[bytes, ...]) -> None:
    """Add the rows in one transaction, one statement for each kind."""
    by_kind: dict[bytes, list[bytes]] = {}
    for line in lines:
        by_kind.setdefault(line[:1], []).append(line[1:])
    with connection.transaction():
        for kind, objects in by_kind.items():
            array = (b"[" + b",".join(objects) + b"]").decode()
            added = connection.execute(_words(STATEMENTS[kind]), (array,)).rowcount
            if kind == ORDER_EVENT and added < len(objects):
                _refuse_clashes(connection, array)


def _refuse_clashes(connection: psycopg.Connection[Any], array: str) -> None:
    """Raise UniqueViolation when a step that was there already is another step, not the same one sent again."""
    clash = connection.execute(_words(CLASHES), (array,)).fetchone()
    if clash is not None:
        raise UniqueViolation(f"order {clash[0]} has another step with sequence {clash[1]} already")


def _words(statement: str) -> sql.SQL:
    """Mark a statement as made of our own words only, which is what `sql.SQL` asks of its argument."""
    return sql.SQL(statement)


def _is_for_good(error: Exception) -> bool:
    """Tell whether the rows themselves are refused (or a line is not a row at all), which no repetition mends."""
    if not isinstance(error, psycopg.Error):
        return True
    return error.sqlstate is not None and error.sqlstate.startswith(_FOR_GOOD)


def _count_lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0
