"""Placing, cancelling and asking for order lists ("Order lists")."""

from typing import Any

from stockade_paper.amounts import format_amount
from stockade_paper.endpoints.call import Call, Endpoint
from stockade_paper.errors import BinanceError, missing_either, rejected
from stockade_paper.order_lists import OrderList
from stockade_paper.order_requests import generate_client_order_id, read_order
from stockade_paper.orders import Order, describe_cancelled, describe_result
from stockade_paper.parameters import Parameters

LEG_NAMES = {
    "ClientOrderId": "newClientOrderId",
    "Price": "price",
    "StopPrice": "stopPrice",
    "TrailingDelta": "trailingDelta",
    "TimeInForce": "timeInForce",
    "IcebergQty": "icebergQty",
    "StrategyId": "strategyId",
    "StrategyType": "strategyType",
    "PegPriceType": "pegPriceType",
    "Type": "type",
    "Side": "side",
    "Quantity": "quantity",
}
LIMIT_LEGS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
STOP_LEGS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})


def place_oco(call: Call) -> dict[str, Any]:
    """Place two orders of which only one can trade."""
    legs = [_read_leg(call, prefix, shared=("side", "quantity")) for prefix in ("above", "below")]
    _check_pair(call, legs[0], legs[1])
    return _place(call, _new_list(call, "OCO", legs, pair=(legs[0], legs[1])))


def place_old_oco(call: Call) -> dict[str, Any]:
    """Place an OCO in the older form: a LIMIT_MAKER and a stop."""
    values = call.parameters.values
    shared = {name: values[name] for name in ("symbol", "side", "quantity") if name in values}
    limit = shared | {"type": "LIMIT_MAKER", "price": values.get("price", "")}
    stop = shared | {"type": "STOP_LOSS", "stopPrice": values.get("stopPrice", "")}
    if "stopLimitPrice" in values:
        stop |= {
            "type": "STOP_LOSS_LIMIT",
            "price": values["stopLimitPrice"],
            "timeInForce": values.get("stopLimitTimeInForce", ""),
        }
    for leg, name in ((limit, "limitClientOrderId"), (stop, "stopClientOrderId")):
        if name in values:
            leg["newClientOrderId"] = values[name]
    orders = [_read(call, leg) for leg in (limit, stop)]
    above, below = orders if orders[0].side == "SELL" else reversed(orders)
    _check_pair(call, above, below)
    return _place(call, _new_list(call, "OCO", [above, below], pair=(above, below)))


def place_oto(call: Call) -> dict[str, Any]:
    """Place a working order and one that goes live when it is filled completely."""
    working = _read_leg(call, "working")
    pending = _read_leg(call, "pending")
    _check_working(working)
    return _place(call, _new_list(call, "OTO", [working, pending], working=working, pending=(pending,)))


def place_otoco(call: Call) -> dict[str, Any]:
    """Place a working order and an OCO that goes live when it is filled completely."""
    working = _read_leg(call, "working")
    _check_working(working)
    shared = {"Side": "side", "Quantity": "quantity"}
    extra = {
        plain: call.parameters.values[f"pending{name}"]
        for name, plain in shared.items()
        if f"pending{name}" in call.parameters.values
    }
    above = _read_leg(call, "pendingAbove", extra=extra)
    below = _read_leg(call, "pendingBelow", extra=extra)
    legs = [working, above, below]
    return _place(call, _new_list(call, "OTO", legs, working=working, pending=(above, below), pair=(above, below)))


def place_opo(call: Call) -> dict[str, Any]:
    """Place a buy and a sale of what it bought ("One Pays the Other")."""
    working = _read_leg(call, "working")
    pending = _read_leg(call, "pending", extra=_wait_for(working))
    _check_payment(working, [pending])
    order_list = _new_list(call, "OTO", [working, pending], working=working, pending=(pending,), sells_the_bought=True)
    return _place(call, order_list)


def place_opoco(call: Call) -> dict[str, Any]:
    """Place a buy and an OCO that sells what it bought."""
    working = _read_leg(call, "working")
    side = {"side": call.parameters.require("pendingSide")}
    legs = [_read_leg(call, f"pending{place}", extra=_wait_for(working) | side) for place in ("Above", "Below")]
    _check_payment(working, legs)
    pair = (legs[0], legs[1])
    roles = {"working": working, "pending": pair, "pair": pair, "sells_the_bought": True}
    return _place(call, _new_list(call, "OTO", [working, *legs], **roles))


def cancel_list(call: Call) -> dict[str, Any]:
    """Cancel all orders of a list."""
    order_list = _find(call, "listClientOrderId")
    cancel_id = call.parameters.client_order_id("newClientOrderId") or generate_client_order_id()
    open_orders = [order for order in order_list.orders if order.is_open]
    if not open_orders:
        raise BinanceError(-2011, "Unknown order sent.")
    call.exchange.cancel(open_orders[0], cancel_id)
    return describe_cancelled_list(order_list, cancel_id, call.now_ms)


def describe_cancelled_list(order_list: OrderList, cancel_client_order_id: str, time_ms: int) -> dict[str, Any]:
    """Write the answer to whatever ended a list: the list, and a report of each order that was still open."""
    cancelled = [order for order in order_list.orders if order.status == "CANCELED"]
    reports = [describe_cancelled(order, cancel_client_order_id) for order in cancelled]
    return order_list.describe("ALL_DONE", time_ms) | {"orderReports": reports}


def show_list(call: Call) -> dict[str, Any]:
    """Tell one list."""
    return _describe(_find(call, "origClientOrderId"))


def list_lists(call: Call) -> list[dict[str, Any]]:
    """List all lists of an account."""
    lists = call.exchange.lists.of_account(call.account.account_id)
    limit = call.parameters.limit(500, 1000)
    return [_describe(order_list) for order_list in lists[-limit:]]


def list_open_lists(call: Call) -> list[dict[str, Any]]:
    """List the lists that still have an open order."""
    lists = call.exchange.lists.of_account(call.account.account_id)
    return [_describe(order_list) for order_list in lists if not order_list.is_done]


def _read_leg(call: Call, prefix: str, shared: tuple[str, ...] = (), extra: dict[str, str] | None = None) -> Order:
    """Read one order of a list, whose parameters carry `prefix`."""
    values = call.parameters.values
    leg = {name: values[name] for name in (*shared, "symbol", "selfTradePreventionMode") if name in values}
    leg |= extra or {}
    for suffix, name in LEG_NAMES.items():
        if f"{prefix}{suffix}" in values:
            leg[name] = values[f"{prefix}{suffix}"]
    return _read(call, leg)


def _read(call: Call, values: dict[str, str]) -> Order:
    return read_order(Parameters(values), call.account.account_id, call.now_ms).order


def _check_pair(call: Call, above: Order, below: Order) -> None:
    """Check the legs' types and their prices around the last one ("New Order List - OCO")."""
    types = (above.type, below.type)
    allowed = (LIMIT_LEGS, STOP_LEGS) if above.side == "SELL" else (STOP_LEGS, LIMIT_LEGS)
    if types[0] not in allowed[0] or types[1] not in allowed[1]:
        if {*types} <= LIMIT_LEGS | STOP_LEGS:
            raise rejected("The relationship of the prices for the orders is not correct.")
        raise BinanceError(-1158, "OCO orders must have a LIMIT_MAKER or TAKE_PROFIT leg and a STOP_LOSS leg.")
    last = call.exchange.market(above.symbol).last_price
    upper, lower = _leg_price(above), _leg_price(below)
    if last is None or upper is None or lower is None:
        return
    if not upper > last > lower:
        raise rejected("The relationship of the prices for the orders is not correct.")


def _leg_price(order: Order) -> Any:
    return order.price if order.type == "LIMIT_MAKER" else order.stop_price


def _wait_for(working: Order) -> dict[str, str]:
    """Return the quantity that a pending order has until it is known what the working one bought."""
    return {"quantity": format_amount(working.quantity)}


def _check_payment(working: Order, pending: list[Order]) -> None:
    _check_working(working)
    if working.side != "BUY":
        raise BinanceError(-1222, "The working order of an OPO order list must be a BUY.")
    if any(order.side != "SELL" for order in pending):
        raise BinanceError(-1223, "The pending orders of an OPO order list must be SELLs.")


def _check_working(order: Order) -> None:
    if order.type not in {"LIMIT", "LIMIT_MAKER"}:
        raise BinanceError(-1196, "The working order of an order list must be a LIMIT or a LIMIT_MAKER.")


def _new_list(call: Call, contingency: str, orders: list[Order], **roles: Any) -> OrderList:
    name = call.parameters.client_order_id("listClientOrderId") or generate_client_order_id()
    return OrderList(
        list_id=0,
        account_id=call.account.account_id,
        symbol=orders[0].symbol,
        client_id=name,
        contingency=contingency,
        orders=orders,
        created_ms=call.now_ms,
        **roles,
    )


def _place(call: Call, order_list: OrderList) -> dict[str, Any]:
    call.exchange.lists.place(order_list)
    reports = [describe_result(order) for order in order_list.orders]
    return order_list.describe("EXEC_STARTED", order_list.created_ms) | {"orderReports": reports}


def _find(call: Call, client_name: str) -> OrderList:
    list_id = call.parameters.integer("orderListId")
    client_id = call.parameters.text(client_name)
    if list_id is None and client_id is None:
        raise missing_either(client_name, "orderListId")
    return call.exchange.lists.find(call.account.account_id, list_id, client_id)


def _describe(order_list: OrderList) -> dict[str, Any]:
    return order_list.describe("ALL_DONE" if order_list.is_done else "EXEC_STARTED", order_list.created_ms)


ENDPOINTS = (
    Endpoint(
        place_oco, 1, ("POST", "/api/v3/orderList/oco"), "orderList.place.oco", signed=True, orders=2, is_free=True
    ),
    Endpoint(place_old_oco, 1, ("POST", "/api/v3/order/oco"), "orderList.place", signed=True, orders=2, is_free=True),
    Endpoint(
        place_oto, 1, ("POST", "/api/v3/orderList/oto"), "orderList.place.oto", signed=True, orders=2, is_free=True
    ),
    Endpoint(
        place_otoco,
        1,
        ("POST", "/api/v3/orderList/otoco"),
        "orderList.place.otoco",
        signed=True,
        orders=3,
        is_free=True,
    ),
    Endpoint(
        place_opo, 1, ("POST", "/api/v3/orderList/opo"), "orderList.place.opo", signed=True, orders=2, is_free=True
    ),
    Endpoint(
        place_opoco,
        1,
        ("POST", "/api/v3/orderList/opoco"),
        "orderList.place.opoco",
        signed=True,
        orders=3,
        is_free=True,
    ),
    Endpoint(cancel_list, 1, ("DELETE", "/api/v3/orderList"), "orderList.cancel", signed=True, is_free=True),
    Endpoint(show_list, 4, ("GET", "/api/v3/orderList"), "orderList.status", signed=True),
    Endpoint(list_lists, 20, ("GET", "/api/v3/allOrderList"), "allOrderLists", signed=True),
    Endpoint(list_open_lists, 6, ("GET", "/api/v3/openOrderList"), "openOrderLists.status", signed=True),
)
