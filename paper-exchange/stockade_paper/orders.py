"""What an order and a fill are, and their JSON; apart so that matching has no word about formats."""

from decimal import Decimal
from typing import Any

import msgspec

from stockade_paper.amounts import ZERO, format_amount

OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW"})
SOR_FLOOR = "SOR"
ALLOCATION_MATCH = "ONE_PARTY_TRADE_REPORT"
STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One trade of one account's order; smart order routing gives it an `allocation_id` and no trade id (-1)."""

    account_id: int
    symbol: str
    trade_id: int
    order_id: int
    order_list_id: int
    side: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_maker: bool
    allocation_id: int | None = None

    def describe(self) -> dict[str, Any]:
        """Write it as a row of myTrades."""
        return {
            "symbol": self.symbol,
            "id": self.trade_id,
            "orderId": self.order_id,
            "orderListId": self.order_list_id,
            "price": format_amount(self.price),
            "qty": format_amount(self.quantity),
            "quoteQty": format_amount(self.price * self.quantity),
            "commission": format_amount(self.commission),
            "commissionAsset": self.commission_asset,
            "time": self.time_ms,
            "isBuyer": self.side == "BUY",
            "isMaker": self.is_maker,
            "isBestMatch": True,
        }

    def describe_allocation(self) -> dict[str, Any]:
        """Write it as a row of myAllocations."""
        row = self.describe()
        kept = ("symbol", "orderId", "orderListId", "price", "qty", "quoteQty", "commission", "commissionAsset", "time")
        return {key: row[key] for key in kept} | {
            "allocationId": self.allocation_id,
            "allocationType": "SOR",
            "isBuyer": row["isBuyer"],
            "isMaker": self.is_maker,
            "isAllocator": False,
        }


class Order(msgspec.Struct, eq=False):
    """One order through its whole life.

    `queue_ahead` is None while nothing is known about the queue at its price; `shares_lock` is set while the other leg
    of an OCO holds the money for both; `shown` is what the book counts of it, None while it does not rest there.
    """

    order_id: int
    account_id: int
    symbol: str
    client_order_id: str
    side: str
    type: str
    created_ms: int
    quantity: Decimal = ZERO
    quote_order_quantity: Decimal = ZERO
    price: Decimal = ZERO
    time_in_force: str = "GTC"
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    trailing_extreme: Decimal | None = None
    iceberg_quantity: Decimal | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention: str = "NONE"
    uses_sor: bool = False
    status: str = "NEW"
    executed: Decimal = ZERO
    cumulative_quote: Decimal = ZERO
    updated_ms: int = 0
    working_ms: int = -1
    trailing_ms: int = -1
    is_working: bool = False
    has_triggered: bool = False
    order_list_id: int = -1
    locked: Decimal = ZERO
    shares_lock: bool = False
    queue_ahead: Decimal | None = None
    iceberg_left: Decimal | None = None
    shown: Decimal | None = None
    expiry_reason: str | None = None
    prevented_quantity: Decimal = ZERO
    prevented_match_id: int | None = None
    fills: list[Fill] = msgspec.field(default_factory=list)
    amends: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it can still fill or be cancelled."""
        return self.status in OPEN_STATUSES

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return self.quantity - self.executed - self.prevented_quantity

    @property
    def visible(self) -> Decimal:
        """What of it the book shows: an iceberg shows one part at a time."""
        if self.iceberg_quantity is None:
            return self.remaining
        return min(self.remaining, self.iceberg_left or self.iceberg_quantity)

    @property
    def is_algo(self) -> bool:
        """Whether MAX_NUM_ALGO_ORDERS counts it."""
        return self.type in STOP_TYPES

    @property
    def waits_for_trigger(self) -> bool:
        """Whether it is a stop that has not fired yet."""
        return self.is_algo and not self.has_triggered


def describe_ack(order: Order) -> dict[str, Any]:
    """Write the ACK answer to a placement."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
    }


def describe_result(order: Order) -> dict[str, Any]:
    """Write the RESULT answer to a placement."""
    return describe_ack(order) | _amounts(order) | {"workingTime": order.working_ms} | _tail(order)


def describe_full(order: Order) -> dict[str, Any]:
    """Write the FULL answer to a placement: RESULT and its fills."""
    return describe_result(order) | {"fills": [_describe_fill(fill) for fill in order.fills]}


def _describe_fill(fill: Fill) -> dict[str, Any]:
    row = {
        "price": format_amount(fill.price),
        "qty": format_amount(fill.quantity),
        "commission": format_amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }
    if fill.allocation_id is None:
        return row
    return row | {"matchType": ALLOCATION_MATCH, "allocId": fill.allocation_id}


def describe_placed(order: Order, response_type: str) -> dict[str, Any]:
    """Write the answer to a placement in the asked detail."""
    if response_type == "ACK":
        return describe_ack(order)
    return describe_full(order) if response_type == "FULL" else describe_result(order)


def describe_query(order: Order) -> dict[str, Any]:
    """Write it as `GET /api/v3/order`, openOrders and allOrders do."""
    row = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "price": format_amount(order.price),
        "origQty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "cummulativeQuoteQty": format_amount(order.cumulative_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": format_amount(order.stop_price or ZERO),
        "icebergQty": format_amount(order.iceberg_quantity or ZERO),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.is_working,
        "workingTime": order.working_ms,
        "origQuoteOrderQty": format_amount(order.quote_order_quantity),
    }
    return row | {key: value for key, value in _tail(order).items() if key not in row}


def describe_cancelled(order: Order, cancel_client_order_id: str) -> dict[str, Any]:
    """Write the answer to a cancel; its `clientOrderId` is the cancel's own."""
    return (
        {
            "symbol": order.symbol,
            "origClientOrderId": order.client_order_id,
            "orderId": order.order_id,
            "orderListId": order.order_list_id,
            "clientOrderId": cancel_client_order_id,
            "transactTime": order.updated_ms,
        }
        | _amounts(order)
        | _tail(order)
    )


def _amounts(order: Order) -> dict[str, Any]:
    return {
        "price": format_amount(order.price),
        "origQty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "origQuoteOrderQty": format_amount(order.quote_order_quantity),
        "cummulativeQuoteQty": format_amount(order.cumulative_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def _tail(order: Order) -> dict[str, Any]:
    """List the fields that stand only in the orders they apply to."""
    optional = {
        "stopPrice": None if order.stop_price is None else format_amount(order.stop_price),
        "trailingDelta": order.trailing_delta,
        "trailingTime": order.trailing_ms if order.trailing_delta is not None else None,
        "icebergQty": None if order.iceberg_quantity is None else format_amount(order.iceberg_quantity),
        "strategyId": order.strategy_id,
        "strategyType": order.strategy_type,
        "preventedMatchId": order.prevented_match_id,
        "preventedQuantity": format_amount(order.prevented_quantity) if order.prevented_quantity else None,
        "expiryReason": order.expiry_reason,
        "workingFloor": SOR_FLOOR if order.uses_sor else None,
        "usedSor": order.uses_sor or None,
    }
    present = {key: value for key, value in optional.items() if value is not None}
    return {"selfTradePreventionMode": order.self_trade_prevention} | present


_DUMPED_FIELDS = {
    item.name: item.default for item in msgspec.structs.fields(Order) if item.name not in {"fills", "shown"}
}


def dump_order(order: Order) -> dict[str, Any]:
    """Write an order for the state on disk: every field that is not at its default.

    Its fills have lines of their own, and what it shows is counted anew when it is put back into the book.
    """
    return {name: value for name, default in _DUMPED_FIELDS.items() if (value := getattr(order, name)) != default}


def dump_fill(fill: Fill) -> dict[str, Any]:
    """Write a fill for the state on disk."""
    return msgspec.structs.asdict(fill)
