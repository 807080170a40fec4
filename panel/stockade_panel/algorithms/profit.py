"""What an algorithm's fills have realised, by average cost or first in, first out; read from the ledger as a stream.

Apart from the other queries because nothing of it is stored: every look goes through all fills, and no more than a
batch of them is in memory, however many there are and however much was bought and not sold yet.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from itertools import starmap
from typing import Any

from sqlalchemy import Connection, Engine, text

from stockade_db.pnl import Holding, Method, follow_fills

# As the gateway reads them, so that both come to the same result.
_FILLS = """
    SELECT f.trade_time, f.symbol, f.side, f.price, f.quantity, f.quote_quantity, f.commission, f.commission_asset,
        f.is_maker, f.client_order_id, f.trade_id, f.received_time
    FROM ledger.fill f JOIN ledger.tenant t ON t.uid = f.tenant_uid AND t.deleted IS NULL
    WHERE t.name = :tenant AND f.algorithm = :algorithm AND f.symbol = :symbol
        AND starts_with(f.client_order_id, :prefix)
    ORDER BY f.trade_time, f.symbol, f.trade_id
"""
# An algorithm that was deleted and made anew begins with nothing: what its ids begin with tells it from the former one.
_BOOKS = """
    SELECT f.symbol, split_part(f.client_order_id, '-', 1) || '-' AS prefix, count(*) AS fills,
        min(f.trade_time) AS since, (
            SELECT p.quote_asset FROM ledger.position p
            WHERE p.tenant_uid = t.uid AND p.algorithm = :algorithm AND p.symbol = f.symbol LIMIT 1
        ) AS quote_asset
    FROM ledger.fill f JOIN ledger.tenant t ON t.uid = f.tenant_uid AND t.deleted IS NULL
    WHERE t.name = :tenant AND f.algorithm = :algorithm
    GROUP BY t.uid, f.symbol, prefix ORDER BY f.symbol, since
"""
_BATCH = 1000
_PLACES = 18


@dataclass(frozen=True)
class Book:
    """One symbol's fills of one algorithm; `quote_asset` is None while its gateway has not told what is held."""

    symbol: str
    prefix: str
    fills: int
    since: datetime
    quote_asset: str | None

    @property
    def base_asset(self) -> str:
        """The asset that is held."""
        return self.symbol.removesuffix(self.quote_asset or "")


@dataclass(frozen=True)
class Profit:
    """What one book has come to."""

    book: Book
    holding: Holding


class ProfitReader:
    """Goes through an algorithm's fills; what it yields ends with the connection it holds meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_profits(self, tenant: str, algorithm: str, method: Method) -> list[Profit]:
        """Return each book's result, by symbol."""
        with self._connect() as connection:
            return [
                Profit(book, _find_last(_follow(connection, tenant, algorithm, book, method)))
                for book in _read_books(connection, tenant, algorithm)
            ]

    def write_csv(self, tenant: str, algorithm: str) -> Iterator[str]:
        """Yield a table of every fill and what it realised by each method: symbol after symbol, each oldest first."""
        yield _write_row(
            "time", "symbol", "side", "price", "quantity", "quote_quantity", "commission", "commission_asset", "maker",
            "order", "trade", "held", "quote_asset", "realized_average_cost", "realized_fifo", "received_time",
        )  # fmt: skip
        with self._connect() as connection:
            for book in _read_books(connection, tenant, algorithm):
                yield from starmap(_write_row, _list_rows(connection, tenant, algorithm, book))

    def _connect(self) -> Connection:
        """Open a connection on which everything that is read is of one moment."""
        return self._engine.connect().execution_options(isolation_level="REPEATABLE READ")


def sum_profits(profits: Iterable[Profit]) -> dict[str, Decimal]:
    """Return what was realised in all, by quote asset; what has none yet is left out."""
    sums: dict[str, Decimal] = {}
    with localcontext(prec=76):
        for profit in profits:
            asset = profit.book.quote_asset
            if asset is not None:
                sums[asset] = sums.get(asset, Decimal(0)) + profit.holding.realized
    return sums


def _read_books(connection: Connection, tenant: str, algorithm: str) -> list[Book]:
    rows = connection.execute(text(_BOOKS), {"tenant": tenant, "algorithm": algorithm}).all()
    return [Book(row.symbol, row.prefix, row.fills, row.since, row.quote_asset) for row in rows]


def _read_fills(connection: Connection, tenant: str, algorithm: str, book: Book) -> Iterator[Any]:
    named = {"tenant": tenant, "algorithm": algorithm, "symbol": book.symbol, "prefix": book.prefix}
    options = {"stream_results": True, "yield_per": _BATCH}
    with closing(connection.execute(text(_FILLS), named, execution_options=options)) as rows:
        yield from rows


def _follow(
    connection: Connection, tenant: str, algorithm: str, book: Book, method: Method
) -> Iterator[tuple[Any, Holding]]:
    return follow_fills(
        _read_fills(connection, tenant, algorithm, book),
        base_asset=book.base_asset,
        quote_asset=book.quote_asset or "",
        method=method,
        again=_read_fills(connection, tenant, algorithm, book),
    )


def _find_last(followed: Iterator[tuple[object, Holding]]) -> Holding:
    holding = Holding()
    for _, holding in followed:  # noqa: B007 - the last one is wanted
        pass
    return holding


def _list_rows(connection: Connection, tenant: str, algorithm: str, book: Book) -> Iterator[tuple[object, ...]]:
    """Yield a row of the table for each fill: both methods go through the fills side by side."""
    before = {method: Decimal(0) for method in Method}
    ways = [_follow(connection, tenant, algorithm, book, method) for method in Method]
    for steps in zip(*ways, strict=True):
        fill, holding = steps[0]
        realized = []
        for method, (_, after) in zip(Method, steps, strict=True):
            realized.append(_subtract(after.realized, before[method]))
            before[method] = after.realized
        yield (
            _write_time(fill.trade_time), fill.symbol, fill.side, fill.price, fill.quantity,
            fill.quote_quantity, fill.commission, fill.commission_asset or "", fill.is_maker, fill.client_order_id,
            fill.trade_id, holding.quantity, book.quote_asset or "", *realized,
            _write_time(fill.received_time),
        )  # fmt: skip


def _subtract(after: Decimal, before: Decimal) -> Decimal:
    with localcontext(prec=76):
        return after - before


def _write_time(time: datetime | None) -> str:
    return time.astimezone(UTC).isoformat() if time else ""


def _write_row(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(
        _write_number(cell) if isinstance(cell, Decimal) else cell for cell in cells
    )
    return line.getvalue()


def _write_number(value: Decimal) -> str:
    """Return a number as plain digits: what an average was divided to ends where the ledger's own digits do."""
    with localcontext(prec=76):
        # The product of two amounts has twice the ledger's places; only a division leads to more.
        places = -int(value.as_tuple().exponent)
        digits = f"{round(value, _PLACES) if places > 2 * _PLACES else value:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
