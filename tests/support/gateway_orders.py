"""Orders, reports and executions for the gateway's tests: all has a default but what a test is about.

All are made as messages are: decoded, so that their words are equal to those in the code and not the same objects.
"""

from decimal import Decimal
from typing import TypeVar

import msgspec

from stockade_gateway.filters import InstrumentRules, QuantityFilter
from stockade_gateway.orders import Execution, Order, OrderReport, OrderState
from stockade_wire.order_ids import order_prefix

PREFIX = order_prefix("0b9d3f2c-7d37-4a6b-8a3e-2f6f1d6c9a10")
BTCUSDT = InstrumentRules(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=Decimal(1000000),
    lot=QuantityFilter(Decimal("0.00001"), Decimal(9000), Decimal("0.00001")),
    market_lot=QuantityFilter(Decimal(0), Decimal(100), Decimal(0)),
    min_notional=Decimal(5),
    max_notional=Decimal(9000000),
    trailing_above=(10, 2000),
    trailing_below=(20, 1000),
)


_Decoded = TypeVar("_Decoded", bound=msgspec.Struct)


def make_order(number: int = 1, quantity: str = "1", side: str = "BUY", **fields: object) -> Order:
    """Return a submitted limit order of ours."""
    values: dict[str, object] = {
        "client_order_id": f"{PREFIX}{number}",
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": Decimal(quantity),
        "price": Decimal(100),
        "stop_price": None,
        "created_time_ns": 1_000_000_000,
        "updated_time_ns": 1_000_000_000,
        "state": OrderState.SUBMITTED,
    }
    return _decode(Order, values | fields)


def make_execution(trade_id: int, quantity: str, *, number: int = 1, price: str = "100", **fields: object) -> Execution:
    """Return one execution of that order."""
    values: dict[str, object] = {
        "symbol": "BTCUSDT",
        "trade_id": trade_id,
        "client_order_id": f"{PREFIX}{number}",
        "exchange_order_id": 7,
        "side": "BUY",
        "price": Decimal(price),
        "quantity": Decimal(quantity),
        "quote_quantity": Decimal(price) * Decimal(quantity),
        "commission": Decimal(0),
        "commission_asset": "USDT",
        "is_maker": False,
        "trade_time_ms": 1_700_000_000_000 + trade_id,
    }
    return _decode(Execution, values | fields)


def make_report(
    status: str, executed: str = "0", *executions: Execution, number: int = 1, quantity: str = "1", **fields: object
) -> OrderReport:
    """Return what the exchange says about that order."""
    values: dict[str, object] = {
        "client_order_id": f"{PREFIX}{number}",
        "symbol": "BTCUSDT",
        "exchange_order_id": 7,
        "status": status,
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": Decimal(quantity),
        "price": Decimal(100),
        "stop_price": None,
        "executed_quantity": Decimal(executed),
        "event_time_ms": 1_700_000_000_000,
        "executions": executions,
    }
    return _decode(OrderReport, values | fields)


def _decode(kind: type[_Decoded], values: dict[str, object]) -> _Decoded:
    return msgspec.json.decode(msgspec.json.encode(values), type=kind)
