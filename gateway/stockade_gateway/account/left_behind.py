"""What algorithms that report nothing have left on the account, read from the ledger; and the right to grant leases.

One connection does both, because the right is a lock of PostgreSQL that lasts as long as its connection: of two account
gateways, as there are during a rollout, one holds it.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg.rows import class_row

from stockade_gateway.account.errors import OtherGranterError
from stockade_gateway.account.shares import ZERO, Remains
from stockade_gateway.errors import LedgerError
from stockade_gateway.ledger import open_connection

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('account shares ' || current_user || ' ' || %(account)s, 0))"
# A server does not learn of a node that is gone, and would keep its lock for hours. It must keep it for longer than
# who holds it may grant without a word from here: both count from the last that was heard.
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES = 15, 5, 3
HELD_SECONDS = _IDLE_SECONDS + _PROBE_SECONDS * _PROBES
"""How long PostgreSQL keeps the lock of a gateway that it hears nothing of."""
_NOTICE_LOSS = (
    f"SET tcp_keepalives_idle = {_IDLE_SECONDS}; SET tcp_keepalives_interval = {_PROBE_SECONDS}; "
    f"SET tcp_keepalives_count = {_PROBES}"
)
_POSITIONS = """
    SELECT algorithm, symbol, quantity, average_price, quote_asset FROM ledger.position
    WHERE account = %(account)s AND algorithm <> '' AND quantity <> 0
"""
_ORDERS = """
    SELECT algorithm, symbol, side, quantity - filled_quantity AS quantity, coalesce(price, stop_price) AS price
    FROM ledger.order_state WHERE account = %(account)s AND algorithm <> '' AND is_open
"""
# Equity points count from the first fill; the day's part is the last one less the last one before the day.
_RESULTS = """
    SELECT a.algorithm, a.quote_asset, now.realized_pnl - coalesce(before.realized_pnl, 0) AS realized,
        coalesce(now.fees, 0) - coalesce(before.fees, 0) AS fees
    FROM (SELECT DISTINCT algorithm, quote_asset FROM ledger.position WHERE account = %(account)s) a
    CROSS JOIN LATERAL (
        SELECT realized_pnl, fees FROM ledger.equity_point e
        WHERE e.account = %(account)s AND e.algorithm = a.algorithm AND e.quote_asset = a.quote_asset
            AND e."time" >= %(day)s ORDER BY e."time" DESC LIMIT 1
    ) now
    LEFT JOIN LATERAL (
        SELECT realized_pnl, fees FROM ledger.equity_point e
        WHERE e.account = %(account)s AND e.algorithm = a.algorithm AND e.quote_asset = a.quote_asset
            AND e."time" < %(day)s ORDER BY e."time" DESC LIMIT 1
    ) before ON true
"""

_LOG = logging.getLogger(__name__)
_Row = TypeVar("_Row", bound=msgspec.Struct)


class PositionLeft(msgspec.Struct, frozen=True):
    """A position of an algorithm."""

    algorithm: str
    symbol: str
    quantity: Decimal
    average_price: Decimal | None
    quote_asset: str


class OrderLeft(msgspec.Struct, frozen=True):
    """An open order of an algorithm and how much of it is not filled."""

    algorithm: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal | None


class ResultLeft(msgspec.Struct, frozen=True):
    """What an algorithm has realised on a day."""

    algorithm: str
    quote_asset: str
    realized: Decimal
    fees: Decimal


class Reading(msgspec.Struct, frozen=True):
    """Everything that was read at once."""

    positions: list[PositionLeft]
    orders: list[OrderLeft]
    results: list[ResultLeft]

    def list_symbols(self) -> set[str]:
        """Return the symbols that a price is needed of."""
        return {row.symbol for row in self.positions} | {row.symbol for row in self.orders}


class LeftBehindReader:
    """Reads the ledger and holds the lock; every method blocks and raises LedgerError."""

    def __init__(self, url_file: Path, account: str) -> None:
        self._url_file = url_file
        self._account = account
        self._connection: psycopg.Connection[Any] | None = None

    def acquire(self) -> bool:
        """Take the lock on a new connection, unless it is held already; True when it was taken by this call.

        Raises LedgerError as well when another gateway has it.
        """
        if self._connection is not None:
            return False
        try:
            connection = open_connection(self._url_file)
            try:
                connection.execute(_NOTICE_LOSS)
                row = connection.execute(_LOCK, {"account": self._account}).fetchone()
            except psycopg.Error:
                connection.close()
                raise
        except (psycopg.Error, OSError) as error:
            raise LedgerError(f"the ledger can't be read: {str(error).partition(chr(10))[0]}") from error
        if row is None or not row[0]:
            connection.close()
            raise OtherGranterError("another account gateway shares out the limits")
        self._connection = connection
        return True

    def read(self, day: date) -> Reading:
        """Return what is in the ledger; after a failure `acquire` has to be called again."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        parameters = {"account": self._account, "day": begin}
        try:
            return Reading(
                self._query(PositionLeft, _POSITIONS, parameters),
                self._query(OrderLeft, _ORDERS, parameters),
                self._query(ResultLeft, _RESULTS, parameters),
            )
        except psycopg.Error as error:
            self.close()
            raise LedgerError(f"the ledger can't be read: {str(error).partition(chr(10))[0]}") from error

    def close(self) -> None:
        """Give the lock back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _query(self, row_type: type[_Row], query: str, parameters: Mapping[str, object]) -> list[_Row]:
        if self._connection is None:
            raise LedgerError("the ledger is not connected")
        with self._connection.cursor(row_factory=class_row(row_type)) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()


def value_left_behind(reading: Reading, marks: Mapping[str, Decimal], quote_asset: str) -> dict[str, Remains]:
    """Return what each algorithm has left, at these prices; what can't be valued in the quote asset is unknown."""
    names = {row.algorithm for rows in (reading.positions, reading.orders, reading.results) for row in rows}
    return {name: _value_one(name, reading, marks, quote_asset) for name in names}


def _value_one(name: str, reading: Reading, marks: Mapping[str, Decimal], quote_asset: str) -> Remains:
    held = {row.symbol: row for row in reading.positions if row.algorithm == name}
    orders = [row for row in reading.orders if row.algorithm == name]
    results = [row for row in reading.results if row.algorithm == name]
    symbols = set(held) | {row.symbol for row in orders}
    quotes = {row.quote_asset for row in held.values()} | {row.quote_asset for row in results}
    is_foreign = quotes - {quote_asset} or any(not symbol.endswith(quote_asset) for symbol in symbols)
    if is_foreign or not symbols <= set(marks):
        return Remains(None, None)
    exposure, result = ZERO, sum((row.realized - row.fees for row in results), ZERO)
    for symbol in symbols:
        position, mark = held.get(symbol), marks[symbol]
        quantity = position.quantity if position is not None else ZERO
        buys = sum((row.quantity for row in orders if row.symbol == symbol and row.side == "BUY"), ZERO)
        sells = sum((row.quantity for row in orders if row.symbol == symbol and row.side == "SELL"), ZERO)
        price = max([mark, *(row.price for row in orders if row.symbol == symbol and row.price is not None)])
        exposure += max(abs(quantity + buys), abs(quantity - sells)) * price
        if position is not None and position.average_price is not None:
            result += quantity * (mark - position.average_price)
    return Remains(exposure, result)
