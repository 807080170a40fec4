"""The ledger's rows of one tenant as the judge reads them: with the types that PostgreSQL's driver gives them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.support.kubectl import Kubectl
from tests.support.ledger import read_rows

_TABLES = ("order_event", "fill", "position")
_AMOUNTS = (
    "filled_quantity",
    "filled_quote",
    "quantity",
    "price",
    "quote_quantity",
    "commission",
    "average_price",
    "realized_pnl",
)
_NUMBERS = ("sequence", "trade_id")
_TIMES = ("event_time", "trade_time", "recorded_time")


def read_ledger(kubectl: Kubectl, tenant: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of a tenant's orders, fills and positions, by table."""
    return {table: [_type_values(row) for row in read_rows(kubectl, _write_query(table, tenant))] for table in _TABLES}


def _write_query(table: str, tenant: str) -> str:
    """Ask for one table; the tenant's name is the test's own."""
    return f"SELECT r.* FROM ledger.{table} r JOIN ledger.tenant t ON t.uid = r.tenant_uid WHERE t.name = '{tenant}'"


def _type_values(row: dict[str, Any]) -> dict[str, Any]:
    kinds = ((_AMOUNTS, Decimal), (_NUMBERS, int), (_TIMES, datetime.fromisoformat))
    typed = dict(row)
    for names, read in kinds:
        for name in names:
            if typed.get(name) is not None:
                typed[name] = read(typed[name])
    return typed
