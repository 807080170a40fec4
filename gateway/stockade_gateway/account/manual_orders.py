"""A manual order's life, as pure functions: what may be placed, and what an answer or event of the exchange changes.

Apart from the desk, which does the asking and the writing.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stockade_gateway.account.errors import RequestError
from stockade_gateway.control import Trading
from stockade_gateway.ledger import FillRow, OrderEventRow

MANUAL = ""
"""What stands in a row's column `algorithm` when no algorithm placed the order."""

_STATES = {
    "NEW": "ACCEPTED",
    "PENDING_NEW": "ACCEPTED",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "PENDING_CANCEL": "PENDING_CANCEL",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
}
_FINAL = frozenset(("DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED"))
_ORDER_OF_STATES = ("INITIALIZED", "SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL")


@dataclass(frozen=True, slots=True)
class ManualOrder:
    """What was asked for and how far it has come; `sequence` is that of its newest row in the ledger.

    Raises ValueError for a quantity that is not above 0.
    """

    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str | None
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    made_time: datetime
    sequence: int = 0
    state: str = "SUBMITTED"
    filled_quantity: Decimal = Decimal(0)
    filled_quote: Decimal = Decimal(0)
    exchange_order_id: int | None = None

    @property
    def final(self) -> bool:
        """True when nothing can happen to it any more."""
        return self.state in _FINAL

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise ValueError("quantity must be above 0")


@dataclass(frozen=True, slots=True)
class Report:
    """What the exchange says of an order at a moment."""

    state: str
    filled_quantity: Decimal
    filled_quote: Decimal
    exchange_order_id: int | None
    time: datetime
    reason: str | None = None


def refuse_order(trading: Trading | None, side: str) -> None:
    """Raise RequestError (409) when the account's switch does not let an order through; None is an unreadable control.

    On spot a sale is what lowers a position, so it is what Reducing lets through.
    """
    if trading is None:
        raise RequestError(409, "CONTROL_UNREADABLE", "The account's control can't be read, so nothing is traded.")
    if trading is Trading.HALTED:
        raise RequestError(409, "TRADING_HALTED", "Trading is halted on this account; only cancels pass.")
    if trading is Trading.REDUCING and side != "SELL":
        raise RequestError(409, "TRADING_REDUCING", "This account only reduces positions; only sales pass.")


def advance(order: ManualOrder, report: Report) -> ManualOrder | None:
    """Return the order one step further, or None when the report says nothing new.

    Reports come twice (answer and event) and in any order: one counts only when it is further on in its life.
    """
    if order.final or _progress(report.state, report.filled_quantity) <= _progress(order.state, order.filled_quantity):
        return None
    return replace(
        order,
        sequence=order.sequence + 1,
        state=report.state,
        filled_quantity=max(order.filled_quantity, report.filled_quantity),
        filled_quote=max(order.filled_quote, report.filled_quote),
        exchange_order_id=order.exchange_order_id or report.exchange_order_id,
    )


def _progress(state: str, filled_quantity: Decimal) -> tuple[bool, Decimal, int]:
    rank = _ORDER_OF_STATES.index(state) if state in _ORDER_OF_STATES else len(_ORDER_OF_STATES)
    return state in _FINAL, filled_quantity, rank


def read_answer(answer: dict[str, Any]) -> Report:
    """Read an order as REST answers it (place with FULL, query, cancel)."""
    time_ms = answer.get("updateTime") or answer.get("transactTime") or answer.get("time") or 0
    return Report(
        state=_read_state(answer["status"]),
        filled_quantity=Decimal(answer["executedQty"]),
        filled_quote=max(Decimal(answer["cummulativeQuoteQty"]), Decimal(0)),
        exchange_order_id=answer["orderId"],
        time=_read_time(time_ms),
        reason=answer.get("expiryReason"),
    )


def read_event(event: dict[str, Any]) -> Report:
    """Read an `executionReport` (Binance, "User Data Streams")."""
    return Report(
        state=_read_state(event["X"]),
        filled_quantity=Decimal(event["z"]),
        filled_quote=Decimal(event["Z"]),
        exchange_order_id=event["i"],
        time=_read_time(event["T"]),
        reason=None if event["r"] == "NONE" else event["r"],
    )


def _read_state(status: str) -> str:
    """Return our name of the exchange's status; one that we don't know is no end, so the order is asked for again."""
    return _STATES.get(status, "ACCEPTED")


def client_order_id_of_event(event: dict[str, Any]) -> str:
    """Return the order's own id: a cancel's event carries the cancel's id in `c` and the order's in `C`."""
    return str(event["C"] or event["c"])


def make_event_row(
    order: ManualOrder, account: str, time: datetime, received_time: datetime, reason: str | None = None
) -> OrderEventRow:
    """Return the ledger's row of the order's present step."""
    return OrderEventRow(
        account=account,
        algorithm=MANUAL,
        version=0,
        client_order_id=order.client_order_id,
        sequence=order.sequence,
        event_time=time,
        state=order.state,
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
        reason=reason,
        received_time=received_time,
    )


def restore_order(row: OrderEventRow) -> ManualOrder:
    """Return the order whose newest step this is."""
    return ManualOrder(
        client_order_id=row.client_order_id,
        symbol=row.symbol,
        side=row.side,
        type=row.type,
        time_in_force=row.time_in_force,
        quantity=row.quantity or Decimal(0),
        price=row.price,
        stop_price=row.stop_price,
        made_time=row.event_time,
        sequence=row.sequence,
        state=row.state,
        filled_quantity=row.filled_quantity,
        filled_quote=row.filled_quote,
        exchange_order_id=row.exchange_order_id,
    )


def read_trade(order: ManualOrder, account: str, trade: dict[str, Any]) -> FillRow:
    """Return the ledger's row of a trade as `myTrades` answers it."""
    return _make_fill(
        order,
        account,
        trade_id=trade["id"],
        exchange_order_id=trade["orderId"],
        price=trade["price"],
        quantity=trade["qty"],
        commission=trade["commission"],
        commission_asset=trade["commissionAsset"],
        is_maker=trade["isMaker"],
        time=_read_time(trade["time"]),
    )


def read_fill_of_event(order: ManualOrder, account: str, event: dict[str, Any]) -> FillRow | None:
    """Return the ledger's row of an event's trade, None when the event is none."""
    if event["x"] != "TRADE":
        return None
    return _make_fill(
        order,
        account,
        trade_id=event["t"],
        exchange_order_id=event["i"],
        price=event["L"],
        quantity=event["l"],
        commission=event["n"],
        commission_asset=event["N"],
        is_maker=event["m"],
        time=_read_time(event["T"]),
    )


def read_fills_of_answer(order: ManualOrder, account: str, answer: dict[str, Any]) -> list[FillRow]:
    """Return the rows of the trades an order made at once, as a FULL answer lists them; it was the taker in all."""
    return [
        _make_fill(
            order,
            account,
            trade_id=fill["tradeId"],
            exchange_order_id=answer["orderId"],
            price=fill["price"],
            quantity=fill["qty"],
            commission=fill["commission"],
            commission_asset=fill["commissionAsset"],
            is_maker=False,
            time=_read_time(answer["transactTime"]),
        )
        for fill in answer.get("fills", [])
    ]


def _make_fill(
    order: ManualOrder,
    account: str,
    *,
    trade_id: int,
    exchange_order_id: int,
    price: str,
    quantity: str,
    commission: str,
    commission_asset: str | None,
    is_maker: bool,
    time: datetime,
) -> FillRow:
    return FillRow(
        account=account,
        symbol=order.symbol,
        trade_id=trade_id,
        client_order_id=order.client_order_id,
        algorithm=MANUAL,
        exchange_order_id=exchange_order_id,
        side=order.side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        quote_quantity=Decimal(price) * Decimal(quantity),
        commission=Decimal(commission),
        commission_asset=commission_asset,
        is_maker=is_maker,
        trade_time=time,
    )


def _read_time(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
