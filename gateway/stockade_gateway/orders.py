"""The life of this algorithm's orders as a pure state machine: facts from the exchange in, changes out, no I/O.

An order keeps facts, each of which only goes one way: what the exchange acknowledged, the largest executed quantity it
reported, the executions counted (each trade id once), the smallest quantity it was amended to, and how it ended. Its
state is computed from them, so reports may come twice, late or in any order and still lead to the same state.
"""

import bisect
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from stockade_wire.order_ids import order_number

ZERO = Decimal(0)


class OrderState(StrEnum):
    """Where an order stands; the last five are final."""

    INITIALIZED = "INITIALIZED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    DENIED = "DENIED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    FILLED = "FILLED"


FINAL_STATES = frozenset(
    {OrderState.DENIED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.CANCELED, OrderState.FILLED}
)
# Two reports may name different ends (a cancel that met the last fill): the one that stands further right holds.
_ENDS = (None, OrderState.REJECTED, OrderState.EXPIRED, OrderState.CANCELED, OrderState.FILLED)
# Binance's order statuses ("Order status"); NEW and PARTIALLY_FILLED are open.
_END_OF_STATUS = {
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of one order, as the exchange booked it."""

    symbol: str
    trade_id: int
    client_order_id: str
    exchange_order_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    trade_time_ms: int

    @property
    def trade_time(self) -> datetime:
        """When the exchange matched it (UTC)."""
        return datetime.fromtimestamp(self.trade_time_ms / 1000, UTC)


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one message of the exchange says about one order: a reply, a user event or the answer to a query."""

    client_order_id: str
    symbol: str
    exchange_order_id: int
    status: str
    side: str
    type: str
    time_in_force: str | None
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    executed_quantity: Decimal
    event_time_ms: int
    trailing_delta: int | None = None
    reason: str | None = None
    executions: tuple[Execution, ...] = ()


class Order(msgspec.Struct, kw_only=True):
    """One order of this algorithm; changed only by `Orders`."""

    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str | None
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    created_time_ns: int
    updated_time_ns: int
    # Basis points that the price has to come back by before a trailing order fires.
    trailing_delta: int | None = None
    # Client order id of the list it is one of two orders of; None for an order of its own.
    list_id: str | None = None
    state: OrderState = OrderState.INITIALIZED
    # Steps told so far; the first is number 0.
    sequence: int = 0
    exchange_order_id: int | None = None
    # Set just before the request is handed to the connection; None means that it certainly never left the pod.
    sent_time_ns: int | None = None
    acknowledged: bool = False
    cancel_requested: bool = False
    end: OrderState | None = None
    reported_quantity: Decimal = ZERO
    filled_quantity: Decimal = ZERO
    filled_quote: Decimal = ZERO
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """True once nothing more can happen to the order."""
        return self.state in FINAL_STATES

    @property
    def remaining(self) -> Decimal:
        """Quantity that can still fill; nothing when the order is final."""
        return ZERO if self.is_final else max(self.quantity - self.filled_quantity, ZERO)

    @property
    def lacks_executions(self) -> bool:
        """True when the exchange reported more executed quantity than the executions known add up to."""
        return self.reported_quantity > self.filled_quantity

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the executions counted, None before the first."""
        return self.filled_quote / self.filled_quantity if self.filled_quantity else None


class Change(msgspec.Struct, frozen=True, tag="change"):
    """One step of one order: the order as it is after it, and the execution if that was the step."""

    order: Order
    execution: Execution | None = None


class Refusal(msgspec.Struct, frozen=True):
    """An order was not amended, and why; it is as it was."""

    order: Order
    reason: str


class Orders:
    """All orders this algorithm may still hear about, and the trades counted; foreign orders never get in."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._orders: dict[str, Order] = {}
        self._open: dict[str, Order] = {}
        self._lists: dict[str, dict[str, Order]] = {}
        # By order, as an algorithm that trades with itself has two executions of one trade id.
        self._trades: dict[str, set[int]] = {}
        # When each was created, oldest first, as far back as anybody asks.
        self._created_ns: list[int] = []
        # Number of the newest order forgotten; what is unknown and not newer was closed long ago.
        self.forgotten_number = -1

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, client_order_id: str) -> Order | None:
        """Return the order of that id, or None."""
        return self._orders.get(client_order_id)

    def all(self) -> Iterable[Order]:
        """Return every order known, oldest first."""
        return self._orders.values()

    def open(self) -> list[Order]:
        """Return the orders that are not final, oldest first (those whose fate is unknown are among them)."""
        return list(self._open.values())

    @property
    def open_count(self) -> int:
        """Number of orders that are not final."""
        return len(self._open)

    def count_created_since(self, time_ns: int) -> int:
        """Return how many orders are younger than that, found ones included; older ones are not counted ever again."""
        del self._created_ns[: bisect.bisect_right(self._created_ns, time_ns)]
        return len(self._created_ns)

    def count_newest(self, time_ns: int) -> int:
        """Return how many of the orders that `count_created_since` counted last are younger than that."""
        return len(self._created_ns) - bisect.bisect_right(self._created_ns, time_ns)

    def legs(self, list_id: str) -> list[Order]:
        """Return the orders of a list, none when it is not known."""
        return list(self._lists.get(list_id, {}).values())

    def sum_open(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return, by symbol, what the open orders may still buy and sell; of a list only one order can fill."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        lists: set[str] = set()
        for order in self._open.values():
            if order.list_id is not None and order.list_id in lists:
                continue
            if order.list_id is None:
                remaining = order.remaining
            else:
                lists.add(order.list_id)
                remaining = self._list_remaining(order.list_id)
            buys, sells = sums.get(order.symbol, (ZERO, ZERO))
            sums[order.symbol] = (buys + remaining, sells) if order.side == "BUY" else (buys, sells + remaining)
        return sums

    def add(self, order: Order) -> None:
        """Take in an order: a new one, or one restored from the journal, the ledger or the exchange."""
        if order.client_order_id not in self._orders:
            bisect.insort(self._created_ns, order.created_time_ns)
        self._orders[order.client_order_id] = order
        if order.list_id is not None:
            self._lists.setdefault(order.list_id, {})[order.client_order_id] = order
        self._file(order)

    def apply(self, report: OrderReport) -> list[Change]:
        """Take in one report; returns what changed: nothing if it was known or is not about an order of ours.

        An order of ours that is not known (the journal was lost) is adopted.
        """
        if not self.is_own(report.client_order_id):
            return []
        order = self._orders.get(report.client_order_id)
        if order is None:
            order = _adopt(report)
            self.add(order)
        order.exchange_order_id = report.exchange_order_id
        changes = [change for execution in report.executions if (change := self.apply_execution(execution)) is not None]
        end = _END_OF_STATUS.get(report.status)
        if report.status != "REJECTED":
            order.acknowledged = True
        if _ENDS.index(end) > _ENDS.index(order.end):
            order.end = end
            order.reason = report.reason
        order.reported_quantity = max(order.reported_quantity, report.executed_quantity)
        is_amended = ZERO < report.quantity < order.quantity
        if is_amended:
            order.quantity = report.quantity
            _close_if_filled(order)
        change = self._settle(order, report.event_time_ms * 1_000_000, is_amended=is_amended)
        return [*changes, change] if change else changes

    def apply_execution(self, execution: Execution) -> Change | None:
        """Count one execution, exactly once by its trade id; returns None if it was known or its order is not ours."""
        order = self._orders.get(execution.client_order_id)
        if order is None or self.is_counted(execution.client_order_id, execution.trade_id):
            return None
        self.restore_trades(execution.client_order_id, [execution.trade_id])
        order.acknowledged = True
        order.exchange_order_id = execution.exchange_order_id
        order.filled_quantity += execution.quantity
        order.filled_quote += execution.quote_quantity
        order.reported_quantity = max(order.reported_quantity, order.filled_quantity)
        _close_if_filled(order)
        order.sequence += 1
        order.updated_time_ns = max(order.updated_time_ns, execution.trade_time_ms * 1_000_000)
        order.state = _compute_state(order)
        self._file(order)
        return Change(msgspec.structs.replace(order), execution)

    def reject(self, client_order_id: str, reason: str, now_ns: int) -> Change | None:
        """Note that the exchange refused the order, or that it certainly never reached it."""
        order = self._orders[client_order_id]
        if order.acknowledged or order.end is not None:
            return None
        order.end = OrderState.REJECTED
        order.reason = reason
        return self._settle(order, now_ns)

    def request_cancel(self, client_order_id: str, now_ns: int) -> Change | None:
        """Note that a cancel is on its way."""
        order = self._orders[client_order_id]
        order.cancel_requested = True
        return self._settle(order, now_ns)

    def withdraw_cancel(self, client_order_id: str, now_ns: int) -> Change | None:
        """Note that the exchange did not cancel the order."""
        order = self._orders[client_order_id]
        order.cancel_requested = False
        return self._settle(order, now_ns)

    def is_own(self, client_order_id: str) -> bool:
        """Return whether the order is this algorithm's and not one that was closed and forgotten."""
        if client_order_id in self._orders:
            return True
        number = order_number(self.prefix, client_order_id)
        return number is not None and number > self.forgotten_number

    def is_counted(self, client_order_id: str, trade_id: int) -> bool:
        """Return whether that trade of that order has been counted before."""
        return trade_id in self._trades.get(client_order_id, ())

    def trades(self) -> dict[str, list[int]]:
        """Return the trade ids counted, by the client order id of an order still known."""
        return {client_order_id: sorted(trades) for client_order_id, trades in self._trades.items()}

    def restore_trades(self, client_order_id: str, trade_ids: Iterable[int]) -> None:
        """Hold trades for counted whose order already includes them."""
        self._trades.setdefault(client_order_id, set()).update(trade_ids)

    def highest_number(self) -> int:
        """Return the highest number among the orders known, those forgotten included; -1 without any."""
        numbers = (order_number(self.prefix, client_order_id) for client_order_id in self._orders)
        return max((number for number in numbers if number is not None), default=self.forgotten_number)

    def forget_closed(self, *, before_ns: int, keep: int) -> int:
        """Forget final orders last changed before a time, and the oldest beyond `keep`; returns how many."""
        closed = sorted((order for order in self._orders.values() if order.is_final), key=lambda o: o.updated_time_ns)
        surplus = len(closed) - keep
        forgotten = 0
        for position, order in enumerate(closed):
            if position >= surplus and order.updated_time_ns >= before_ns:
                break
            del self._orders[order.client_order_id]
            self._trades.pop(order.client_order_id, None)
            if order.list_id is not None:
                del self._lists[order.list_id][order.client_order_id]
                if not self._lists[order.list_id]:
                    del self._lists[order.list_id]
            self.forget(order.client_order_id)
            forgotten += 1
        return forgotten

    def forget(self, client_order_id: str) -> None:
        """Hold an order that is not among the known for closed long ago, and with it all older ones."""
        number = order_number(self.prefix, client_order_id)
        self.forgotten_number = max(self.forgotten_number, -1 if number is None else number)

    def _list_remaining(self, list_id: str) -> Decimal:
        """Return what the orders of a list can still fill together: what one of them filled, the other never can."""
        legs = self._lists[list_id].values()
        quantity = max((leg.quantity for leg in legs if not leg.is_final), default=ZERO)
        return max(quantity - sum((leg.filled_quantity for leg in legs), ZERO), ZERO)

    def _settle(self, order: Order, time_ns: int, *, is_amended: bool = False) -> Change | None:
        state = _compute_state(order)
        if state is order.state and not is_amended:
            return None
        order.state = state
        order.sequence += 1
        order.updated_time_ns = max(order.updated_time_ns, time_ns)
        self._file(order)
        return Change(msgspec.structs.replace(order))

    def _file(self, order: Order) -> None:
        if order.is_final:
            self._open.pop(order.client_order_id, None)
        else:
            self._open[order.client_order_id] = order


def _close_if_filled(order: Order) -> None:
    if order.filled_quantity >= order.quantity:
        order.end = OrderState.FILLED


def _compute_state(order: Order) -> OrderState:
    end = order.end
    if end is OrderState.REJECTED and order.acknowledged:
        end = None
    # An end is only believed once every execution before it is known: until then the order still counts as open.
    if end is not None and not order.lacks_executions:
        return end
    if order.cancel_requested:
        return OrderState.PENDING_CANCEL
    if order.filled_quantity:
        return OrderState.PARTIALLY_FILLED
    if order.acknowledged:
        return OrderState.ACCEPTED
    return OrderState.SUBMITTED


def _adopt(report: OrderReport) -> Order:
    time_ns = report.event_time_ms * 1_000_000
    return Order(
        client_order_id=report.client_order_id,
        symbol=report.symbol,
        side=report.side,
        type=report.type,
        time_in_force=report.time_in_force,
        quantity=report.quantity,
        price=report.price,
        stop_price=report.stop_price,
        trailing_delta=report.trailing_delta,
        created_time_ns=time_ns,
        updated_time_ns=time_ns,
        sent_time_ns=time_ns,
        state=OrderState.SUBMITTED,
        # Its earlier steps may be in the ledger: numbers that are the same whenever it is adopted from this report,
        # and above any that were counted one by one.
        sequence=report.event_time_ms // 1000,
    )
