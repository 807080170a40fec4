"""What is sent for each type of order, against the table of Binance's "Trading requests" (`order.place`)."""

from decimal import Decimal
from typing import Any

import pytest

from stockade_gateway.placement import make_placement
from tests.support.gateway_orders import make_order

PRICE, STOP = {"price": Decimal("30000.10")}, {"stop_price": Decimal("29000.5")}
TRAIL, LASTS = {"trailing_delta": 250}, {"time_in_force": "GTC"}
# The order's own fields, and what "Additional mandatory parameters based on type" asks for, no more and no less.
TYPES: list[tuple[str, dict[str, Any], dict[str, object]]] = [
    ("LIMIT", PRICE | LASTS, {"timeInForce": "GTC", "price": "30000.10"}),
    ("LIMIT", PRICE | {"time_in_force": "IOC"}, {"timeInForce": "IOC", "price": "30000.10"}),
    ("MARKET", {}, {}),
    ("STOP_LOSS", STOP, {"stopPrice": "29000.5"}),
    ("STOP_LOSS", TRAIL, {"trailingDelta": 250}),
    ("STOP_LOSS", STOP | TRAIL, {"stopPrice": "29000.5", "trailingDelta": 250}),
    ("STOP_LOSS_LIMIT", PRICE | STOP | LASTS, {"timeInForce": "GTC", "price": "30000.10", "stopPrice": "29000.5"}),
    ("STOP_LOSS_LIMIT", PRICE | TRAIL | LASTS, {"timeInForce": "GTC", "price": "30000.10", "trailingDelta": 250}),
    ("TAKE_PROFIT", STOP, {"stopPrice": "29000.5"}),
    ("TAKE_PROFIT", TRAIL, {"trailingDelta": 250}),
    ("TAKE_PROFIT_LIMIT", PRICE | STOP | LASTS, {"timeInForce": "GTC", "price": "30000.10", "stopPrice": "29000.5"}),
    ("TAKE_PROFIT_LIMIT", PRICE | TRAIL | LASTS, {"timeInForce": "GTC", "price": "30000.10", "trailingDelta": 250}),
    ("LIMIT_MAKER", PRICE, {"price": "30000.10"}),
]


@pytest.mark.parametrize(("kind", "fields", "sent"), TYPES)
def test_each_type_is_sent_with_its_mandatory_parameters_and_no_others(
    kind: str, fields: dict[str, Any], sent: dict[str, object]
) -> None:
    given = {"price": None, "stop_price": None, "time_in_force": None} | fields
    order = make_order(type=kind, side="SELL", quantity="0.00000001", **given)
    placement = make_placement(order)
    assert placement == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": kind,
        "quantity": "0.00000001",
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "FULL",
        **sent,
    }
