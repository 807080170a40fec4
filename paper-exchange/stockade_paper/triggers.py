"""When a stop order fires, apart because the direction of eight cases is easily got wrong ("Trailing Stop FAQ")."""

from decimal import Decimal

from stockade_paper.orders import Order

BASIS_POINTS = Decimal(10000)


def fires_on_rise(order: Order) -> bool:
    """STOP_LOSS BUY and TAKE_PROFIT SELL fire at or above their stop price, the other two at or below."""
    return order.type.startswith("STOP_LOSS") == (order.side == "BUY")


def is_through(order: Order, price: Decimal) -> bool:
    """Whether `price` has reached the stop price; an order without one is always through it."""
    if order.stop_price is None:
        return True
    return price >= order.stop_price if fires_on_rise(order) else price <= order.stop_price


def would_trigger_immediately(order: Order, last_price: Decimal) -> bool:
    """Whether a new stop order is already through the last price; a trailing one waits for its turn."""
    return order.trailing_delta is None and is_through(order, last_price)


def update_trigger(order: Order, price: Decimal, time_ms: int) -> bool:
    """Show a waiting stop order the newest price and return whether it fires.

    A trailing order starts at its stop price (at once without one) and fires when the price has risen from its
    lowest (or fallen from its highest) since then by `trailing_delta` basis points.
    """
    if order.trailing_delta is None:
        return is_through(order, price)
    if order.trailing_extreme is None:
        if not is_through(order, price):
            return False
        order.trailing_extreme = price
        order.trailing_ms = time_ms
    if fires_on_rise(order):
        order.trailing_extreme = min(order.trailing_extreme, price)
        return price >= order.trailing_extreme * (1 + order.trailing_delta / BASIS_POINTS)
    order.trailing_extreme = max(order.trailing_extreme, price)
    return price <= order.trailing_extreme * (1 - order.trailing_delta / BASIS_POINTS)
