"""The ledger's entries, made from what the books hold; what a row is and how it gets there is `ledger_rows.py`'s."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from stockade_db.pnl import Holding
from stockade_gateway.ledger_rows import EquityRow, FillRow, OrderEventRow, PositionRow
from stockade_gateway.orders import Execution, Order, OrderState
from stockade_gateway.positions import Result


class LedgerWriter(Protocol):
    """What the books ask of the ledger: to take in rows, without ever waiting for the database."""

    @property
    def full(self) -> bool:
        """True when there is hardly room left for more rows."""

    def record_order_event(self, row: OrderEventRow) -> None:
        """Take in one step of an order."""

    def record_fill(self, row: FillRow) -> None:
        """Take in one execution."""

    def record_position(self, row: PositionRow) -> None:
        """Take in what is held of one symbol now."""

    def record_equity(self, row: EquityRow) -> None:
        """Take in the algorithm's result at this moment."""


class Owner(msgspec.Struct, frozen=True):
    """Whose rows they are."""

    account: str
    algorithm: str
    version: int


def make_order_event_row(owner: Owner, order: Order, received_time_ns: int | None) -> OrderEventRow:
    """Return the row of an order's present step, and of when it was heard of or made; None where nobody noted it."""
    return OrderEventRow(
        account=owner.account,
        algorithm=owner.algorithm,
        version=owner.version,
        client_order_id=order.client_order_id,
        sequence=order.sequence,
        event_time=to_time(order.updated_time_ns),
        state=order.state.value,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        filled_quantity=order.filled_quantity,
        filled_quote=order.filled_quote,
        exchange_order_id=order.exchange_order_id,
        reason=order.reason,
        trailing_delta=order.trailing_delta,
        list_id=order.list_id,
        received_time=None if received_time_ns is None else to_time(received_time_ns),
    )


def make_fill_row(owner: Owner, execution: Execution, received_time_ns: int | None) -> FillRow:
    """Return the row of one execution, and of when it was heard of; None where nobody noted it."""
    return FillRow(
        account=owner.account,
        algorithm=owner.algorithm,
        symbol=execution.symbol,
        trade_id=execution.trade_id,
        client_order_id=execution.client_order_id,
        exchange_order_id=execution.exchange_order_id,
        side=execution.side,
        price=execution.price,
        quantity=execution.quantity,
        quote_quantity=execution.quote_quantity,
        commission=execution.commission,
        commission_asset=execution.commission_asset or None,
        is_maker=execution.is_maker,
        trade_time=execution.trade_time,
        received_time=None if received_time_ns is None else to_time(received_time_ns),
    )


def make_position_row(owner: Owner, symbol: str, quote_asset: str, holding: Holding, now: datetime) -> PositionRow:
    """Return the row of what is held of one symbol."""
    return PositionRow(
        account=owner.account,
        algorithm=owner.algorithm,
        symbol=symbol,
        quantity=holding.quantity,
        average_price=holding.average_price,
        realized_pnl=holding.realized,
        quote_asset=quote_asset,
        updated=now,
    )


def make_equity_row(
    owner: Owner, quote_asset: str, now: datetime, result: Result, position_notional: Decimal | None
) -> EquityRow:
    """Return the row of the algorithm's result since its first fill."""
    return EquityRow(
        account=owner.account,
        algorithm=owner.algorithm,
        quote_asset=quote_asset,
        time=now,
        realized_pnl=result.realized,
        unrealized_pnl=result.unrealized,
        fees=result.fees,
        position_notional=position_notional,
    )


def read_order_row(row: OrderEventRow) -> Order:
    """Return the order whose newest step the row is."""
    time_ns = to_time_ns(row.event_time)
    state = OrderState(row.state)
    is_final = state in (
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.DENIED,
    )
    return Order(
        client_order_id=row.client_order_id,
        symbol=row.symbol,
        side=row.side,
        type=row.type,
        time_in_force=row.time_in_force,
        quantity=row.quantity or row.filled_quantity,
        price=row.price,
        stop_price=row.stop_price,
        trailing_delta=row.trailing_delta,
        list_id=row.list_id,
        created_time_ns=time_ns,
        updated_time_ns=time_ns,
        state=state,
        sequence=row.sequence,
        exchange_order_id=row.exchange_order_id,
        acknowledged=row.exchange_order_id is not None,
        end=state if is_final else None,
        reported_quantity=row.filled_quantity,
        filled_quantity=row.filled_quantity,
        filled_quote=row.filled_quote,
        reason=row.reason,
    )


def read_fill_row(row: FillRow) -> Execution:
    """Return the execution the row is."""
    return Execution(
        symbol=row.symbol,
        trade_id=row.trade_id,
        client_order_id=row.client_order_id,
        exchange_order_id=row.exchange_order_id,
        side=row.side,
        price=row.price,
        quantity=row.quantity,
        quote_quantity=row.quote_quantity,
        commission=row.commission,
        commission_asset=row.commission_asset or "",
        is_maker=row.is_maker,
        trade_time_ms=to_time_ns(row.trade_time) // 1_000_000,
    )


def to_time(time_ns: int) -> datetime:
    """Return nanoseconds since the epoch as a UTC time, to the microsecond."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def to_time_ns(time: datetime) -> int:
    """Return a UTC time as nanoseconds since the epoch."""
    return round(time.timestamp() * 1_000_000) * 1000
