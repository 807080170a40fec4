"""The rows a gateway adds to the ledger and how they get there in SQL; apart from the writer because it is all data.

Fields are the columns of `stockade_db.tables`, without the tenant (its role fills it in) and without what PostgreSQL
adds; a test compares them. Money is Decimal, times are aware and in UTC.
"""

from datetime import datetime
from decimal import Decimal

import msgspec


class OrderEventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One step in an order's life; `sequence` counts from 0 and never repeats for an order.

    `filled_quantity` and `filled_quote` are cumulative. `algorithm` is empty and `version` 0 for a manual order.
    """

    account: str
    algorithm: str
    version: int
    client_order_id: str
    sequence: int
    event_time: datetime
    state: str
    symbol: str
    side: str
    type: str
    time_in_force: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_quote: Decimal = Decimal(0)
    exchange_order_id: int | None = None
    reason: str | None = None
    trailing_delta: int | None = None
    list_id: str | None = None
    received_time: datetime | None = None


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of one of our orders; `stockade_db.pnl` reads it as it is."""

    account: str
    symbol: str
    trade_id: int
    client_order_id: str
    algorithm: str
    exchange_order_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str | None
    is_maker: bool
    trade_time: datetime
    received_time: datetime | None = None


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What an algorithm holds of a symbol; `realized_pnl` counts from its first fill."""

    account: str
    algorithm: str
    symbol: str
    quantity: Decimal
    average_price: Decimal | None
    realized_pnl: Decimal
    quote_asset: str
    updated: datetime


class SavedStateRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy keeps for its next start; not spooled, as only the newest counts."""

    algorithm_uid: str
    content: bytes
    saved_time: datetime


class EquityRow(msgspec.Struct, frozen=True, kw_only=True):
    """An algorithm's result at a moment, its parts apart, each counted from its first fill; None is unknown."""

    account: str
    algorithm: str
    quote_asset: str
    time: datetime
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    fees: Decimal | None
    position_notional: Decimal | None


Row = OrderEventRow | FillRow | PositionRow | EquityRow

_TABLES: dict[type[Row], str] = {
    OrderEventRow: "order_event",
    FillRow: "fill",
    PositionRow: "position",
    EquityRow: "equity_point",
}
ORDER_EVENT = b"o"
_LETTERS: dict[type[Row], bytes] = {OrderEventRow: ORDER_EVENT, FillRow: b"f", PositionRow: b"p", EquityRow: b"e"}
_encoder = msgspec.json.Encoder()


def encode_row(row: Row) -> bytes:
    """Return the row as a line of the spool."""
    return _LETTERS[type(row)] + _encoder.encode(row)


def columns(row_type: type[Row | SavedStateRow]) -> str:
    """Return the row's columns as SQL; `time` is a word of SQL's own."""
    return ", ".join(f'"{name}"' for name in row_type.__struct_fields__)


def _insert(row_type: type[Row]) -> str:
    """Return the statement that adds a JSON array of rows; a row that is there already is left alone."""
    table, names = _TABLES[row_type], columns(row_type)
    return (
        f"INSERT INTO ledger.{table} ({names}) SELECT {names} "  # noqa: S608 words of our own
        f"FROM json_populate_recordset(NULL::ledger.{table}, %s::json) ON CONFLICT DO NOTHING"
    )


_UPSERT_POSITION = (
    f"INSERT INTO ledger.position AS kept ({columns(PositionRow)}) "  # noqa: S608 words of our own
    f"SELECT DISTINCT ON (account, algorithm, symbol) {columns(PositionRow)} "
    "FROM json_populate_recordset(NULL::ledger.position, %s::json) "
    "ORDER BY account, algorithm, symbol, updated DESC "
    "ON CONFLICT (tenant_uid, account, algorithm, symbol) DO UPDATE SET quantity = excluded.quantity, "
    "average_price = excluded.average_price, realized_pnl = excluded.realized_pnl, "
    "quote_asset = excluded.quote_asset, updated = excluded.updated WHERE excluded.updated >= kept.updated"
)

SAVE_STATE = f"""
    INSERT INTO ledger.saved_state AS kept ({columns(SavedStateRow)})
    VALUES (%(algorithm_uid)s, %(content)s, %(saved_time)s)
    ON CONFLICT (tenant_uid, algorithm_uid) DO UPDATE SET content = excluded.content, saved_time = excluded.saved_time
    WHERE excluded.saved_time >= kept.saved_time
"""  # noqa: S608 words of our own
"""Keeps a state unless a newer one is there."""

STATEMENTS: dict[bytes, str] = {
    ORDER_EVENT: _insert(OrderEventRow),
    b"f": _insert(FillRow),
    b"p": _UPSERT_POSITION,
    b"e": _insert(EquityRow),
}
"""By a line's first letter, the statement that takes a JSON array of such rows."""

CLASHES = """
    SELECT r.client_order_id, r.sequence
    FROM json_populate_recordset(NULL::ledger.order_event, %s::json) r
    JOIN ledger.order_event e USING (account, client_order_id, sequence)
    WHERE (e.state, e.filled_quantity, e.symbol, e.side) IS DISTINCT FROM (r.state, r.filled_quantity, r.symbol, r.side)
    LIMIT 1
"""
"""Finds a step of which the ledger has another under the same key."""
