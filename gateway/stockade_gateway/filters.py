"""The exchange's filters of one symbol, and whether an order passes them, before anything is sent.

Only the filters that need nothing but the order and a price; those that count orders or positions are the exchange's.
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

ZERO = Decimal(0)


class QuantityFilter(msgspec.Struct, frozen=True):
    """LOT_SIZE or MARKET_LOT_SIZE; zero switches a part off."""

    minimum: Decimal = ZERO
    maximum: Decimal = ZERO
    step: Decimal = ZERO


class InstrumentRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange demands of an order for one symbol; zero switches a rule off."""

    symbol: str
    base: str
    quote: str
    status: str = "TRADING"
    tick_size: Decimal = ZERO
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    lot: QuantityFilter = QuantityFilter()
    market_lot: QuantityFilter = QuantityFilter()
    min_notional: Decimal = ZERO
    min_notional_for_market: bool = True
    max_notional: Decimal = ZERO
    max_notional_for_market: bool = False
    # Least and most basis points of orders that fire above, and of those that fire below.
    trailing_above: tuple[int, int] = (0, 0)
    trailing_below: tuple[int, int] = (0, 0)


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an algorithm asks for, as numbers."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None
    # Basis points that the price has to come back by: a stop that follows the market.
    trailing_delta: int | None = None

    @property
    def is_market(self) -> bool:
        """True when the order has no limit price once it works."""
        return self.type in ("MARKET", "STOP_LOSS", "TAKE_PROFIT")

    @property
    def fires_above(self) -> bool:
        """True when its trigger lies above the market (Binance, "Filters", TRAILING_DELTA)."""
        return self.type.startswith("STOP_LOSS") == (self.side == "BUY")


class ListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An OCO an algorithm asks for: two orders of one symbol, side and quantity, of which only one can fill."""

    above: OrderRequest
    below: OrderRequest


_NEEDS_PRICE = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_HAS_TRIGGER = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_NEEDS_TIME_IN_FORCE = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_LIMIT_LEGS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_STOP_LEGS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})


def parse_instrument_rules(symbol: Mapping[str, Any]) -> InstrumentRules:
    """Build the rules from one entry of `exchangeInfo`'s symbols (Binance, "Filters")."""
    filters = {entry["filterType"]: entry for entry in symbol["filters"]}
    price = filters.get("PRICE_FILTER", {})
    notional = filters.get("NOTIONAL", {})
    older = filters.get("MIN_NOTIONAL", {})
    trailing = filters.get("TRAILING_DELTA", {})
    return InstrumentRules(
        symbol=symbol["symbol"],
        base=symbol["baseAsset"],
        quote=symbol["quoteAsset"],
        status=symbol.get("status", "TRADING"),
        tick_size=_number(price, "tickSize"),
        min_price=_number(price, "minPrice"),
        max_price=_number(price, "maxPrice"),
        lot=_parse_quantity_filter(filters.get("LOT_SIZE", {})),
        market_lot=_parse_quantity_filter(filters.get("MARKET_LOT_SIZE", {})),
        min_notional=max(_number(notional, "minNotional"), _number(older, "minNotional")),
        min_notional_for_market=bool(notional.get("applyMinToMarket", older.get("applyToMarket", True))),
        max_notional=_number(notional, "maxNotional"),
        max_notional_for_market=bool(notional.get("applyMaxToMarket", False)),
        trailing_above=(trailing.get("minTrailingAboveDelta", 0), trailing.get("maxTrailingAboveDelta", 0)),
        trailing_below=(trailing.get("minTrailingBelowDelta", 0), trailing.get("maxTrailingBelowDelta", 0)),
    )


def find_shape_fault(order: OrderRequest) -> str | None:
    """Return what is missing or too much in an order of its type, None when it is whole."""
    if order.quantity <= 0:
        return "quantity must be above zero"
    for name, value, allowed in (
        ("price", order.price, order.type in _NEEDS_PRICE),
        ("stop_price", order.stop_price, order.type in _HAS_TRIGGER),
        ("trailing_delta", order.trailing_delta, order.type in _HAS_TRIGGER),
    ):
        if value is not None and not allowed:
            return f"a {order.type} order takes no {name}"
        if value is not None and value <= 0:
            return f"a {order.type} order needs a {name} above zero"
    missing = None
    if order.type in _NEEDS_PRICE and order.price is None:
        missing = "a price above zero"
    elif order.type in _HAS_TRIGGER and order.stop_price is None and order.trailing_delta is None:
        missing = "a stop_price above zero or a trailing_delta"
    if missing is not None:
        return f"a {order.type} order needs {missing}"
    if order.type not in _NEEDS_TIME_IN_FORCE and order.time_in_force is not None:
        return f"a {order.type} order takes no time_in_force"
    return None


def find_list_fault(request: ListRequest) -> str | None:
    """Return what is wrong with the pair of an OCO, None when nothing is (Binance, "New Order List - OCO").

    A sale takes its profit above the market and stops its loss below it, a purchase the other way round.
    """
    above, below = request.above, request.below
    wanted = (_LIMIT_LEGS, _STOP_LEGS) if above.side == "SELL" else (_STOP_LEGS, _LIMIT_LEGS)
    for place, leg, types in (("above", above, wanted[0]), ("below", below, wanted[1])):
        if leg.type not in types:
            return (
                f"the order {place} the market of a {above.side} is one of {', '.join(sorted(types))}, not {leg.type}"
            )
    return None


def find_filter_fault(order: OrderRequest, rules: InstrumentRules, market_price: Decimal | None) -> str | None:
    """Return which filter the order violates and what would pass, None when it passes all.

    `market_price` values a market order; without it its notional is left to the exchange.
    """
    if rules.status != "TRADING":
        return f"{rules.symbol} is not trading: its status is {rules.status}"
    for name, price in (("price", order.price), ("stop_price", order.stop_price)):
        if price is not None and (fault := _find_price_fault(name, price, rules)):
            return fault
    if order.trailing_delta is not None and (fault := _find_trailing_fault(order, order.trailing_delta, rules)):
        return fault
    if fault := _find_quantity_fault(order.quantity, rules.lot, "LOT_SIZE"):
        return fault
    if order.is_market and (fault := _find_quantity_fault(order.quantity, rules.market_lot, "MARKET_LOT_SIZE")):
        return fault
    return _find_notional_fault(order, rules, market_price)


def round_down(quantity: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above the quantity; a step of zero changes nothing."""
    if step <= 0:
        return quantity
    return (quantity / step).to_integral_value(rounding=ROUND_DOWN) * step


def _find_price_fault(name: str, price: Decimal, rules: InstrumentRules) -> str | None:
    if rules.min_price and price < rules.min_price:
        return f"PRICE_FILTER: {name} {price} is below {rules.min_price}"
    if rules.max_price and price > rules.max_price:
        return f"PRICE_FILTER: {name} {price} is above {rules.max_price}"
    if rules.tick_size and price % rules.tick_size:
        return f"PRICE_FILTER: {name} {price} is no multiple of the tick size {rules.tick_size}"
    return None


def _find_trailing_fault(order: OrderRequest, delta: int, rules: InstrumentRules) -> str | None:
    least, most = rules.trailing_above if order.fires_above else rules.trailing_below
    if not most:
        return f"TRAILING_DELTA: {rules.symbol} takes no trailing orders"
    if not least <= delta <= most:
        return f"TRAILING_DELTA: trailing_delta {delta} is not between {least} and {most}"
    return None


def _find_quantity_fault(quantity: Decimal, rule: QuantityFilter, name: str) -> str | None:
    if rule.minimum and quantity < rule.minimum:
        return f"{name}: quantity {quantity} is below {rule.minimum}"
    if rule.maximum and quantity > rule.maximum:
        return f"{name}: quantity {quantity} is above {rule.maximum}"
    if rule.step and quantity % rule.step:
        return f"{name}: quantity {quantity} is no multiple of the step size {rule.step}"
    return None


def _find_notional_fault(order: OrderRequest, rules: InstrumentRules, market_price: Decimal | None) -> str | None:
    price = order.price or order.stop_price or market_price
    if price is None:
        return None
    notional = price * order.quantity
    if rules.min_notional and notional < rules.min_notional and (not order.is_market or rules.min_notional_for_market):
        return f"NOTIONAL: {notional.normalize():f} {rules.quote} is below {rules.min_notional.normalize():f}"
    if rules.max_notional and notional > rules.max_notional and (not order.is_market or rules.max_notional_for_market):
        return f"NOTIONAL: {notional.normalize():f} {rules.quote} is above {rules.max_notional.normalize():f}"
    return None


def _parse_quantity_filter(entry: Mapping[str, Any]) -> QuantityFilter:
    return QuantityFilter(_number(entry, "minQty"), _number(entry, "maxQty"), _number(entry, "stepSize"))


def _number(entry: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(entry.get(name, "0"))
