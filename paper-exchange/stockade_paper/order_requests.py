"""Reading a new order out of request parameters: which parameter each type needs, takes and refuses."""

import random
from decimal import Decimal

import msgspec

from stockade_paper.amounts import ZERO
from stockade_paper.errors import (
    BinanceError,
    illegal_characters,
    invalid_choice,
    invalid_data,
    missing_either,
    not_required,
)
from stockade_paper.instruments import DEFAULT_SELF_TRADE_PREVENTION_MODE, ORDER_TYPES, SELF_TRADE_PREVENTION_MODES
from stockade_paper.orders import STOP_TYPES, Order
from stockade_paper.parameters import INTEGER_PATTERN, Parameters

SIDES = ("BUY", "SELL")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
RESPONSE_TYPES = ("ACK", "RESULT", "FULL")
PRICED_TYPES = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
TIMED_TYPES = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
PEG_NAMES = ("pegPriceType", "pegOffsetType", "pegOffsetValue")  # No symbol here allows pegged orders.
AMOUNT_NAMES = ("quantity", "quoteOrderQty", "price", "stopPrice")
MIN_STRATEGY_TYPE = 1_000_000
INVALID_SIDE = invalid_choice(-1117, "Invalid side.")
INVALID_TYPE = invalid_choice(-1116, "Invalid orderType.")
INVALID_TIME_IN_FORCE = invalid_choice(-1115, "Invalid timeInForce.")
INVALID_RESPONSE_TYPE = invalid_choice(-1122, "Invalid newOrderRespType.")
INVALID_PREVENTION_MODE = invalid_choice(-1013, "This symbol does not allow the specified self-trade prevention mode.")


class OrderRequest(msgspec.Struct, frozen=True):
    """A new order as asked for (its id is 0 until it is accepted) and the wanted detail of the answer."""

    order: Order
    response_type: str


def generate_client_order_id() -> str:
    """Return an id in the form Binance gives to orders that came without one."""
    return f"{random.getrandbits(88):022x}"


def read_order(parameters: Parameters, account_id: int, time_ms: int) -> OrderRequest:
    """Read and check the parameters of one new order.

    Raises BinanceError -1100 to -1130 in Binance's own words; no filter and no balance is looked at here.
    """
    symbol = parameters.symbol()
    side = parameters.require_choice("side", SIDES, INVALID_SIDE)
    order_type = parameters.require_choice("type", ORDER_TYPES, INVALID_TYPE)
    _check_shape(parameters, order_type)
    quantity, quote_quantity, price, stop_price = (_read_amount(parameters, name) for name in AMOUNT_NAMES)
    order = Order(
        order_id=0,
        account_id=account_id,
        symbol=symbol,
        client_order_id=parameters.client_order_id("newClientOrderId") or generate_client_order_id(),
        side=side,
        type=order_type,
        created_ms=time_ms,
        updated_ms=time_ms,
        quantity=quantity or ZERO,
        quote_order_quantity=quote_quantity or ZERO,
        price=price or ZERO,
        time_in_force=_read_time_in_force(parameters),
        stop_price=stop_price,
        trailing_delta=parameters.integer("trailingDelta"),
        iceberg_quantity=_read_iceberg(parameters),
        strategy_id=parameters.integer("strategyId"),
        strategy_type=_read_strategy_type(parameters),
        self_trade_prevention=_read_prevention_mode(parameters),
    )
    if order.iceberg_quantity is not None and order.time_in_force != "GTC":
        raise BinanceError(-1013, "Filter failure: ICEBERG_PARTS")
    return OrderRequest(order, _read_response_type(parameters, order_type))


def _check_shape(parameters: Parameters, order_type: str) -> None:
    """Which parameters a type must have and must not have ("Type-specific mandatory parameters")."""
    if order_type in TIMED_TYPES:
        parameters.require("timeInForce")
    elif parameters.has("timeInForce"):
        raise not_required("timeInForce")
    _check_quantity_shape(parameters, order_type)
    if order_type in PRICED_TYPES:
        parameters.require("price")
    elif parameters.has("price"):
        raise not_required("price")
    _check_stop_shape(parameters, order_type)
    if parameters.has("icebergQty") and order_type not in PRICED_TYPES:
        raise not_required("icebergQty")
    for name in PEG_NAMES:
        if parameters.has(name):
            raise not_required(name)


def _check_quantity_shape(parameters: Parameters, order_type: str) -> None:
    if order_type == "MARKET":
        if parameters.has("quantity") and parameters.has("quoteOrderQty"):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        if not parameters.has("quantity") and not parameters.has("quoteOrderQty"):
            raise missing_either("quantity", "quoteOrderQty")
        return
    parameters.require("quantity")
    if parameters.has("quoteOrderQty"):
        raise not_required("quoteOrderQty")


def _check_stop_shape(parameters: Parameters, order_type: str) -> None:
    if order_type in STOP_TYPES:
        if not parameters.has("stopPrice") and not parameters.has("trailingDelta"):
            raise missing_either("stopPrice", "trailingDelta")
        return
    for name in ("stopPrice", "trailingDelta"):
        if parameters.has(name):
            raise not_required(name)


def _read_amount(parameters: Parameters, name: str) -> Decimal | None:
    amount = parameters.decimal(name)
    if amount is not None and not amount:
        raise invalid_data(name)
    return amount


def _read_time_in_force(parameters: Parameters) -> str:
    return parameters.choice("timeInForce", TIMES_IN_FORCE, INVALID_TIME_IN_FORCE) or "GTC"


def _read_iceberg(parameters: Parameters) -> Decimal | None:
    iceberg = parameters.decimal("icebergQty")
    return iceberg or None


def _read_strategy_type(parameters: Parameters) -> int | None:
    value = parameters.integer("strategyType")
    if value is not None and value < MIN_STRATEGY_TYPE:
        raise illegal_characters("strategyType", INTEGER_PATTERN)
    return value


def _read_prevention_mode(parameters: Parameters) -> str:
    mode = parameters.choice("selfTradePreventionMode", SELF_TRADE_PREVENTION_MODES, INVALID_PREVENTION_MODE)
    return mode or DEFAULT_SELF_TRADE_PREVENTION_MODE


def _read_response_type(parameters: Parameters, order_type: str) -> str:
    chosen = parameters.choice("newOrderRespType", RESPONSE_TYPES, INVALID_RESPONSE_TYPE)
    return chosen or ("FULL" if order_type in {"MARKET", "LIMIT"} else "ACK")
