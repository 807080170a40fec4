"""One step of the engine and everything it changed, so that events, balances and the disk all tell the same story."""

from collections.abc import Iterator
from typing import Any

from stockade_paper.accounts import Account
from stockade_paper.orders import Fill, Order
from stockade_paper.prevention import PreventedMatch
from stockade_paper.user_events import report_execution


class Turn:
    """Collects what happens between two commits; everything in it carries the same time."""

    def __init__(self, time_ms: int, execution_ids: Iterator[int]) -> None:
        self.time_ms = time_ms
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.touched: dict[int, set[str]] = {}
        self.orders: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self.prevented: list[PreventedMatch] = []
        self.execution_ids = execution_ids

    def touch(self, account: Account, *assets: str) -> None:
        """Note that balances may have changed."""
        touched = self.touched.get(account.account_id)
        if touched is None:
            touched = self.touched[account.account_id] = set()
        touched.update(assets)
        account.updated_ms = self.time_ms

    def change(self, order: Order) -> None:
        """Note that an order changed."""
        order.updated_ms = self.time_ms
        self.orders[order.order_id] = order

    def report(self, order: Order, execution_type: str, **details: Any) -> None:
        """Note an executionReport of the order as it is now."""
        self.change(order)
        event = report_execution(order, execution_type, self.time_ms, next(self.execution_ids), **details)
        self.events.append((order.account_id, event))

    def add_event(self, account_id: int, event: dict[str, Any]) -> None:
        """Note any other user event."""
        self.events.append((account_id, event))
