"""One order of every kind that Spot knows, priced around the last trade, so that each client's day places the same."""

from dataclasses import dataclass
from decimal import Decimal

SYMBOL = "BTCUSDT"
QUANTITY = "0.01"


@dataclass(frozen=True)
class Sample:
    """Parameters of `POST /api/v3/order` and the status that the order has right afterwards."""

    parameters: dict[str, str]
    status: str = "NEW"


def price_below(last: Decimal) -> str:
    """Return a price that the market won't reach during a test, and that every filter allows."""
    return str((last * Decimal("0.8")).quantize(Decimal(1)))


def price_above(last: Decimal) -> str:
    """Return a price as far on the other side."""
    return str((last * Decimal("1.2")).quantize(Decimal(1)))


def describe_every_order(last: Decimal) -> list[Sample]:
    """List the samples; all but the last four wait, and their owner has to cancel them."""
    low, high = price_below(last), price_above(last)
    waiting = [
        {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": low},
        {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": low, "icebergQty": "0.002"},
        {"side": "SELL", "type": "LIMIT_MAKER", "price": high},
        {"side": "SELL", "type": "STOP_LOSS", "stopPrice": low},
        {"side": "SELL", "type": "STOP_LOSS", "trailingDelta": "1500"},
        {"side": "BUY", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "stopPrice": high, "price": high},
        {"side": "SELL", "type": "TAKE_PROFIT", "stopPrice": high},
        {"side": "BUY", "type": "TAKE_PROFIT_LIMIT", "timeInForce": "GTC", "stopPrice": low, "price": low},
    ]
    return [
        *(Sample({"symbol": SYMBOL, "quantity": QUANTITY, **order}) for order in waiting),
        Sample({"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": QUANTITY}, "FILLED"),
        Sample({"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quoteOrderQty": "500"}, "FILLED"),
        Sample(_describe_limit("IOC", low), "EXPIRED"),
        Sample(_describe_limit("FOK", high), "FILLED"),
    ]


def describe_oto(working: str, pending: str) -> dict[str, str]:
    """Describe a purchase at `working` that, once filled, offers the same amount at `pending`."""
    return {
        "symbol": SYMBOL,
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": working,
        "workingQuantity": QUANTITY,
        "workingTimeInForce": "GTC",
        "pendingType": "LIMIT_MAKER",
        "pendingSide": "SELL",
        "pendingPrice": pending,
        "pendingQuantity": QUANTITY,
    }


def describe_oco(low: str, high: str) -> dict[str, str]:
    """Describe a sale at `high` or, by a stop, at `low`."""
    return {
        "symbol": SYMBOL,
        "side": "SELL",
        "quantity": QUANTITY,
        "aboveType": "LIMIT_MAKER",
        "abovePrice": high,
        "belowType": "STOP_LOSS_LIMIT",
        "belowStopPrice": low,
        "belowPrice": low,
        "belowTimeInForce": "GTC",
    }


def describe_otoco(working: str, low: str, high: str) -> dict[str, str]:
    """Describe a purchase at `working` that, once filled, is protected by an OCO."""
    return {
        "symbol": SYMBOL,
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": working,
        "workingQuantity": QUANTITY,
        "workingTimeInForce": "GTC",
        "pendingSide": "SELL",
        "pendingQuantity": QUANTITY,
        "pendingAboveType": "LIMIT_MAKER",
        "pendingAbovePrice": high,
        "pendingBelowType": "STOP_LOSS",
        "pendingBelowStopPrice": low,
    }


def _describe_limit(time_in_force: str, price: str) -> dict[str, str]:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": QUANTITY}
    return {**order, "timeInForce": time_in_force, "price": price}
