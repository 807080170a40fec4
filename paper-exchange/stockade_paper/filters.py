"""The symbol filters as pure functions over an order and a few numbers ("Filters" in Binance's documentation).

Apart from matching because clients test their own rounding against exactly these refusals.
"""

from collections.abc import Collection
from decimal import Decimal

from stockade_paper.accounts import Balance
from stockade_paper.amounts import ZERO, is_multiple
from stockade_paper.errors import engine_filter_failure, filter_failure
from stockade_paper.instruments import Instrument
from stockade_paper.orders import Order


def check_order(order: Order, instrument: Instrument, reference_price: Decimal | None) -> None:
    """Apply the filters that are checked before the engine; raises BinanceError -1013 with the filter's name.

    `reference_price` is the average of the last minutes, None while nothing has traded.
    """
    for price in (order.price, order.stop_price):
        if price:
            check_price(price, instrument)
    if order.price and reference_price:
        check_percent_price(order, instrument, reference_price)
    check_quantities(order, instrument)
    check_notional(order, instrument, reference_price)
    if order.trailing_delta is not None:
        check_trailing_delta(order.trailing_delta, instrument)


def check_price(price: Decimal, instrument: Instrument) -> None:
    """PRICE_FILTER."""
    inside = instrument.min_price <= price <= instrument.max_price
    if not inside or not is_multiple(price, instrument.tick_size):
        raise filter_failure("PRICE_FILTER")


def check_percent_price(order: Order, instrument: Instrument, reference_price: Decimal) -> None:
    """PERCENT_PRICE_BY_SIDE."""
    low = reference_price * instrument.percent_price_down
    high = reference_price * instrument.percent_price_up
    if not low <= order.price <= high:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def check_quantities(order: Order, instrument: Instrument) -> None:
    """LOT_SIZE, MARKET_LOT_SIZE and ICEBERG_PARTS."""
    for quantity in (order.quantity, order.iceberg_quantity):
        if quantity is None or (order.quote_order_quantity and quantity == ZERO):
            continue
        inside = instrument.min_quantity <= quantity <= instrument.max_quantity
        if not inside or not is_multiple(quantity, instrument.step_size):
            raise filter_failure("LOT_SIZE")
    if order.type == "MARKET" and order.quantity > instrument.market_max_quantity:
        raise filter_failure("MARKET_LOT_SIZE")
    if order.iceberg_quantity is not None:
        parts = -(-order.quantity // order.iceberg_quantity)
        if parts > instrument.iceberg_parts:
            raise filter_failure("ICEBERG_PARTS")


def check_notional(order: Order, instrument: Instrument, reference_price: Decimal | None) -> None:
    """NOTIONAL: the minimum holds for market orders too (at the average price), the maximum does not."""
    if order.price:
        notional = order.price * order.quantity
    elif order.quote_order_quantity:
        notional = order.quote_order_quantity
    elif reference_price:
        notional = order.quantity * (order.stop_price or reference_price)
    else:
        return
    if notional < instrument.min_notional:
        raise filter_failure("NOTIONAL")
    if order.price and notional > instrument.max_notional:
        raise filter_failure("NOTIONAL")


def check_trailing_delta(delta: int, instrument: Instrument) -> None:
    """TRAILING_DELTA, in basis points."""
    if not instrument.min_trailing_delta <= delta <= instrument.max_trailing_delta:
        raise filter_failure("TRAILING_DELTA")


def check_counts(order: Order, instrument: Instrument, open_orders: Collection[Order]) -> None:
    """MAX_NUM_ORDERS and MAX_NUM_ALGO_ORDERS of the account on this symbol; raises BinanceError -2010."""
    if len(open_orders) >= instrument.max_orders:
        raise engine_filter_failure("MAX_NUM_ORDERS")
    if order.is_algo and sum(other.is_algo for other in open_orders) >= instrument.max_algo_orders:
        raise engine_filter_failure("MAX_NUM_ALGO_ORDERS")


def check_position(order: Order, instrument: Instrument, base: Balance, open_orders: Collection[Order]) -> None:
    """MAX_POSITION: what is held, what is already being bought and this order together."""
    if instrument.max_position is None or order.side != "BUY":
        return
    bought = sum((other.remaining for other in open_orders if other.side == "BUY"), order.quantity)
    if base.free + base.locked + bought > instrument.max_position:
        raise engine_filter_failure("MAX_POSITION")
