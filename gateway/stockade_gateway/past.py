"""The past as the ledger tells it, in a form whose size does not grow with the number of fills there ever were.

Apart from the books because it is gathered in a thread, from a stream of rows, before the books take it over.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from stockade_gateway.filters import ZERO, InstrumentRules
from stockade_gateway.orders import Execution, Order, Orders
from stockade_gateway.positions import Positions
from stockade_wire.order_ids import order_number


class Past(msgspec.Struct, kw_only=True):
    """Orders, and what the executions of all orders that the books do not hold add up to."""

    # Orders the books held when the gathering began.
    held: set[str]
    orders: list[Order]
    positions: Positions
    # Executions in `positions` whose orders are in `orders`.
    trades: dict[str, list[int]]
    # Executions of orders that the books hold.
    executions: list[Execution]
    # The newest order in `positions`, and the newest of these that is not in `orders`.
    newest_number: int = -1
    forgotten_number: int = -1
    known_until_ms: int = 0


def gather_past(
    orders: list[Order],
    executions: Iterable[Execution],
    *,
    prefix: str,
    rules: dict[str, InstrumentRules],
    books_orders: Orders,
    held: set[str],
) -> Past:
    """Add up the executions, given oldest first, and keep single ones only where they may be met again.

    An order's newest step may be older than its executions, as a pod can be lost between the two: it is brought up to
    them.
    """
    past = Past(held=held, orders=orders, positions=Positions(rules), trades={}, executions=[])
    names = {order.client_order_id for order in orders}
    filled: dict[str, tuple[Decimal, Decimal]] = {}
    for execution in executions:
        name = execution.client_order_id
        past.known_until_ms = max(past.known_until_ms, execution.trade_time_ms)
        if books_orders.get(name) is not None:
            past.executions.append(execution)
            continue
        past.positions.apply(execution)
        number = order_number(prefix, name)
        if number is not None:
            past.newest_number = max(past.newest_number, number)
            if name not in names:
                past.forgotten_number = max(past.forgotten_number, number)
        if name in names:
            past.trades.setdefault(name, []).append(execution.trade_id)
            quantity, quote = filled.get(name, (ZERO, ZERO))
            filled[name] = quantity + execution.quantity, quote + execution.quote_quantity
    for order in orders:
        quantity, quote = filled.get(order.client_order_id, (ZERO, ZERO))
        if quantity > order.filled_quantity:
            order.filled_quantity, order.filled_quote = quantity, quote
            order.reported_quantity = max(order.reported_quantity, quantity)
    return past
