"""Lives of orders as the exchange may tell them: for each order type and for a list, every report in its true order.

Each life is a list of reports and the end it leads to. Tests shuffle, repeat and lose them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stockade_gateway.orders import Execution, OrderReport, OrderState
from tests.support.gateway_orders import PREFIX, make_execution, make_order, make_report

LIST_ID = f"{PREFIX}list"


@dataclass(frozen=True)
class Life:
    """What the exchange tells of an order, its executions, and where it ends."""

    name: str
    fields: dict[str, Any]
    reports: tuple[OrderReport, ...]
    state: OrderState
    quantity: Decimal
    filled: Decimal

    @property
    def executions(self) -> list[Execution]:
        """Every execution, as a query of trades answers them."""
        return [execution for report in self.reports for execution in report.executions]


def _tell(name: str, state: OrderState, *steps: tuple[str, str, str, str], **fields: Any) -> Life:
    """Build a life of steps (status, quantity, executed so far, quantity of this execution)."""
    reports = []
    for place, (status, quantity, executed, filled) in enumerate(steps):
        executions = [make_execution(place + 1, filled)] if filled else []
        shown = {name: value for name, value in fields.items() if name != "list_id"}
        reports.append(
            make_report(status, executed, *executions, quantity=quantity, **shown, event_time_ms=10**12 + place)
        )
    _, quantity, executed, _ = steps[-1]
    return Life(name, fields, tuple(reports), state, Decimal(quantity), Decimal(executed))


_NEW = ("NEW", "1", "0", "")
_PART = ("PARTIALLY_FILLED", "1", "0.4", "0.4")
_REST = ("FILLED", "1", "1", "0.6")
_WHOLE = ("FILLED", "1", "1", "1")
_TRIGGERED = {"stop_price": Decimal(90)}

LIVES = (
    _tell("market", OrderState.FILLED, _NEW, _PART, _REST, type="MARKET", price=None),
    _tell(
        "market without enough on the other side",
        OrderState.EXPIRED,
        _NEW,
        _PART,
        ("EXPIRED", "1", "0.4", ""),
        type="MARKET",
        price=None,
    ),
    _tell("limit", OrderState.FILLED, _NEW, _PART, _REST),
    _tell("limit, cancelled half-way", OrderState.CANCELED, _NEW, _PART, ("CANCELED", "1", "0.4", "")),
    _tell("immediate or cancel", OrderState.EXPIRED, _NEW, ("EXPIRED", "1", "0", ""), time_in_force="IOC"),
    _tell("post-only, refused", OrderState.REJECTED, ("REJECTED", "1", "0", ""), type="LIMIT_MAKER"),
    _tell("post-only", OrderState.FILLED, _NEW, _WHOLE, type="LIMIT_MAKER"),
    _tell("stop", OrderState.FILLED, _NEW, _WHOLE, type="STOP_LOSS", price=None, **_TRIGGERED),
    _tell(
        "stop-limit", OrderState.CANCELED, _NEW, _NEW, ("CANCELED", "1", "0", ""), type="STOP_LOSS_LIMIT", **_TRIGGERED
    ),
    _tell("take-profit", OrderState.FILLED, _NEW, _PART, _REST, type="TAKE_PROFIT", price=None, **_TRIGGERED),
    _tell("take-profit-limit", OrderState.FILLED, _NEW, _PART, _REST, type="TAKE_PROFIT_LIMIT", **_TRIGGERED),
    _tell("trailing", OrderState.FILLED, _NEW, _NEW, _WHOLE, type="STOP_LOSS", price=None, trailing_delta=50),
    _tell(
        "amended, then filled",
        OrderState.FILLED,
        _NEW,
        _PART,
        ("PARTIALLY_FILLED", "0.7", "0.4", ""),
        ("FILLED", "0.7", "0.7", "0.3"),
    ),
    _tell(
        "amended twice, then cancelled",
        OrderState.CANCELED,
        _NEW,
        ("NEW", "0.8", "0", ""),
        ("NEW", "0.5", "0", ""),
        ("CANCELED", "0.5", "0", ""),
    ),
    _tell("list, this order filled", OrderState.FILLED, _NEW, _PART, _REST, type="LIMIT_MAKER", list_id=LIST_ID),
    _tell(
        "list, the other one filled",
        OrderState.EXPIRED,
        _NEW,
        ("EXPIRED", "1", "0", ""),
        type="STOP_LOSS_LIMIT",
        list_id=LIST_ID,
        **_TRIGGERED,
    ),
    _tell("self-trade prevented", OrderState.EXPIRED, _NEW, _PART, ("EXPIRED_IN_MATCH", "1", "0.4", "")),
)


def make_order_of(life: Life) -> Any:
    """Return the order as it was submitted."""
    return make_order(**life.fields)
