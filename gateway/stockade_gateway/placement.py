"""What is sent for an order, a list, an amendment and a replacement: the parameters of the WebSocket API, as pure data.

Apart from the sender so that a test can compare them with Binance's "Trading requests" field by field.
"""

from decimal import Decimal

from stockade_gateway.orders import Order


def make_placement(order: Order) -> dict[str, object]:
    """Return the parameters of `order.place`; FULL answers name the executions at once."""
    return {
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "quantity": f"{order.quantity:f}",
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "FULL",
        **_make_prices(order),
    }


def make_list_placement(above: Order, below: Order) -> dict[str, object]:
    """Return the parameters of `orderList.place.oco`."""
    parameters: dict[str, object] = {
        "symbol": above.symbol,
        "side": above.side,
        "quantity": f"{above.quantity:f}",
        "listClientOrderId": above.list_id,
        "newOrderRespType": "RESULT",
    }
    for place, leg in (("above", above), ("below", below)):
        fields = {"type": leg.type, "clientOrderId": leg.client_order_id, **_make_prices(leg)}
        parameters |= {f"{place}{name[0].upper()}{name[1:]}": value for name, value in fields.items()}
    return parameters


def make_amendment(order: Order, quantity: Decimal) -> dict[str, object]:
    """Return the parameters of `order.amend.keepPriority`; without its own id the order would get a foreign one."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "newClientOrderId": order.client_order_id,
        "newQty": f"{quantity:f}",
    }


def make_replacement(old: Order, new: Order) -> dict[str, object]:
    """Return the parameters of `order.cancelReplace`: without the old order's cancel there is no new one."""
    return {
        **make_placement(new),
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelOrigClientOrderId": old.client_order_id,
    }


def _make_prices(order: Order) -> dict[str, object]:
    optional = {
        "timeInForce": order.time_in_force,
        "price": None if order.price is None else f"{order.price:f}",
        "stopPrice": None if order.stop_price is None else f"{order.stop_price:f}",
        "trailingDelta": order.trailing_delta,
    }
    return {name: value for name, value in optional.items() if value is not None}
