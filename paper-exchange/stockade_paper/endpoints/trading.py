"""Placing, changing and cancelling single orders ("Trading endpoints")."""

from typing import Any

from stockade_paper.amounts import format_amount
from stockade_paper.endpoints.call import Call, Endpoint
from stockade_paper.endpoints.order_lists import describe_cancelled_list
from stockade_paper.errors import (
    BinanceError,
    invalid_choice,
    invalid_data,
    missing_either,
    missing_parameter,
    unknown_order,
)
from stockade_paper.order_requests import INVALID_TYPE, OrderRequest, generate_client_order_id, read_order
from stockade_paper.orders import Order, describe_cancelled, describe_placed, describe_query
from stockade_paper.parameters import Parameters

SOR_TYPES = ("LIMIT", "MARKET")
REPLACE_MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
INVALID_RESTRICTIONS = invalid_choice(-1145, "Invalid cancelRestrictions")
RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}


def place_order(call: Call) -> dict[str, Any]:
    """Place an order."""
    request = read_order(call.parameters, call.account.account_id, call.now_ms)
    order = call.exchange.place(request.order)
    return describe_placed(order, request.response_type)


def test_order(call: Call) -> dict[str, Any]:
    """Check an order as if it were placed; nothing changes."""
    request = read_order(call.parameters, call.account.account_id, call.now_ms)
    call.exchange.check(request.order)
    return _describe_commission(call)


def _describe_commission(call: Call) -> dict[str, Any]:
    if not call.parameters.boolean("computeCommissionRates", default=False):
        return {}
    fees = call.exchange.fees
    zero = {"maker": "0.00000000", "taker": "0.00000000"}
    return {
        "standardCommissionForOrder": {"maker": format_amount(fees.maker), "taker": format_amount(fees.taker)},
        "specialCommissionForOrder": zero,
        "taxCommissionForOrder": zero,
        "discount": {
            "enabledForAccount": call.account.pays_fees_in_bnb,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }


def place_sor_order(call: Call) -> dict[str, Any]:
    """Place an order by smart order routing, which here knows no other book than the symbol's own ("SOR FAQ")."""
    request = _read_sor_order(call)
    return describe_placed(call.exchange.place(request.order), request.response_type)


def test_sor_order(call: Call) -> dict[str, Any]:
    """Check an order by smart order routing as if it were placed; nothing changes."""
    call.exchange.check(_read_sor_order(call).order)
    commission = _describe_commission(call)
    return {name: value for name, value in commission.items() if name != "specialCommissionForOrder"}


def _read_sor_order(call: Call) -> OrderRequest:
    call.parameters.require_choice("type", SOR_TYPES, INVALID_TYPE)
    request = read_order(call.parameters, call.account.account_id, call.now_ms)
    request.order.uses_sor = True
    return request


def cancel_order(call: Call) -> dict[str, Any]:
    """Cancel an open order."""
    cancel_id = call.parameters.client_order_id("newClientOrderId") or generate_client_order_id()
    order = find_to_cancel(call, "orderId", "origClientOrderId")
    call.exchange.cancel(order, cancel_id)
    return describe_cancelled(order, cancel_id)


def find_to_cancel(call: Call, id_name: str, client_id_name: str) -> Order:
    """Find the open order that a request wants to cancel.

    Raises BinanceError -1102 without an id, -2011 when nothing is open under it, -2039 when the two ids disagree.
    """
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    order_id = call.parameters.integer(id_name)
    client_id = call.parameters.text(client_id_name)
    if order_id is None and client_id is None:
        raise missing_either(client_id_name, id_name)
    order = call.exchange.find(call.account.account_id, symbol, order_id, client_id)
    if order is None or not order.is_open:
        raise unknown_order()
    if order_id is not None and client_id is not None and order.client_order_id != client_id:
        raise BinanceError(-2039, "Client order ID is not correct for this order ID.")
    check_restrictions(call.parameters, order)
    return order


def check_restrictions(parameters: Parameters, order: Order) -> None:
    """`cancelRestrictions`; raises BinanceError -2011 when the order's status is another one."""
    wanted = parameters.choice("cancelRestrictions", RESTRICTIONS, INVALID_RESTRICTIONS)
    if wanted is not None and order.status != RESTRICTIONS[wanted]:
        raise BinanceError(-2011, "Order was not canceled due to cancel restrictions.")


def cancel_all_orders(call: Call) -> list[dict[str, Any]]:
    """Cancel all open orders of a symbol; a list is one row, with a report of each order that went."""
    symbol = call.parameters.symbol()
    call.exchange.market(symbol)
    orders = [order for order in call.exchange.open_of(call.account.account_id) if order.symbol == symbol]
    if not orders:
        raise unknown_order()
    answers = []
    for order in orders:
        if not order.is_open:
            continue  # It went with its list.
        cancel_id = generate_client_order_id()
        call.exchange.cancel(order, cancel_id)
        order_list = call.exchange.lists.by_id.get(order.order_list_id)
        if order_list is None:
            answers.append(describe_cancelled(order, cancel_id))
        else:
            answers.append(describe_cancelled_list(order_list, cancel_id, call.now_ms))
    return answers


def replace_order(call: Call) -> dict[str, Any]:
    """Cancel an order and place another one ("Cancel an Existing Order and Send a New Order")."""
    mode = call.parameters.require_choice("cancelReplaceMode", REPLACE_MODES, lambda: invalid_data("cancelReplaceMode"))
    if not call.parameters.has("cancelOrderId") and not call.parameters.has("cancelOrigClientOrderId"):
        raise missing_either("cancelOrigClientOrderId", "cancelOrderId")
    request = read_order(call.parameters, call.account.account_id, call.now_ms)
    outcome: dict[str, Any] = {"cancelResult": "SUCCESS", "newOrderResult": "NOT_ATTEMPTED"}
    outcome |= {"cancelResponse": None, "newOrderResponse": None}
    try:
        order = find_to_cancel(call, "cancelOrderId", "cancelOrigClientOrderId")
        cancel_id = call.parameters.client_order_id("cancelNewClientOrderId") or generate_client_order_id()
        call.exchange.cancel(order, cancel_id)
        outcome["cancelResponse"] = describe_cancelled(order, cancel_id)
    except BinanceError as error:
        outcome |= {"cancelResult": "FAILURE", "cancelResponse": {"code": error.code, "msg": error.message}}
        if mode == "STOP_ON_FAILURE":
            raise BinanceError(-2022, "Order cancel-replace failed.", data=outcome) from error
    try:
        placed = call.exchange.place(request.order)
        outcome |= {"newOrderResult": "SUCCESS", "newOrderResponse": describe_placed(placed, request.response_type)}
    except BinanceError as error:
        outcome |= {"newOrderResult": "FAILURE", "newOrderResponse": {"code": error.code, "msg": error.message}}
    if outcome["cancelResult"] == outcome["newOrderResult"] == "SUCCESS":
        return outcome
    if outcome["cancelResult"] == outcome["newOrderResult"]:
        raise BinanceError(-2022, "Order cancel-replace failed.", data=outcome)
    raise BinanceError(-2021, "Order cancel-replace partially failed.", status=409, data=outcome)


def amend_order(call: Call) -> dict[str, Any]:
    """Lower an order's quantity in place; without a new client order id it gets a random one, as on Binance."""
    symbol = call.parameters.symbol()
    order_id = call.parameters.integer("orderId")
    client_id = call.parameters.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderId")
    quantity = call.parameters.decimal("newQty")
    if quantity is None:
        raise missing_parameter("newQty")
    order = call.exchange.find(call.account.account_id, symbol, order_id, client_id)
    if order is None or not order.is_open:
        raise BinanceError(-2013, "Order does not exist.")
    new_client_id = call.parameters.client_order_id("newClientOrderId") or generate_client_order_id()
    amendment = call.exchange.amend(order, quantity, new_client_id)
    answer = {
        "transactTime": order.updated_ms,
        "executionId": amendment["executionId"],
        "amendedOrder": _describe_amended(order),
    }
    order_list = call.exchange.lists.by_id.get(order.order_list_id)
    return answer if order_list is None else answer | {"listStatus": order_list.describe_briefly()}


def _describe_amended(order: Order) -> dict[str, Any]:
    row = describe_query(order)
    kept = ("symbol", "orderId", "orderListId", "price", "status", "timeInForce", "type", "side", "workingTime")
    return {key: row[key] for key in kept} | {
        "origClientOrderId": order.amends[-1]["origClientOrderId"],
        "clientOrderId": order.client_order_id,
        "qty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "preventedQty": format_amount(order.prevented_quantity),
        "quoteOrderQty": format_amount(order.quote_order_quantity),
        "cumulativeQuoteQty": format_amount(order.cumulative_quote),
        "selfTradePreventionMode": order.self_trade_prevention,
    }


def _weigh_test(parameters: Parameters) -> int:
    return 20 if parameters.boolean("computeCommissionRates", default=False) else 1


ENDPOINTS = (
    Endpoint(place_order, 1, ("POST", "/api/v3/order"), "order.place", signed=True, orders=1, is_free=True),
    Endpoint(test_order, _weigh_test, ("POST", "/api/v3/order/test"), "order.test", signed=True),
    Endpoint(place_sor_order, 1, ("POST", "/api/v3/sor/order"), "sor.order.place", signed=True, orders=1, is_free=True),
    Endpoint(test_sor_order, _weigh_test, ("POST", "/api/v3/sor/order/test"), "sor.order.test", signed=True),
    Endpoint(cancel_order, 1, ("DELETE", "/api/v3/order"), "order.cancel", signed=True, is_free=True),
    Endpoint(cancel_all_orders, 1, ("DELETE", "/api/v3/openOrders"), "openOrders.cancelAll", signed=True, is_free=True),
    Endpoint(
        replace_order,
        1,
        ("POST", "/api/v3/order/cancelReplace"),
        "order.cancelReplace",
        signed=True,
        orders=1,
        is_free=True,
    ),
    Endpoint(amend_order, 4, ("PUT", "/api/v3/order/amend/keepPriority"), "order.amend.keepPriority", signed=True),
)
