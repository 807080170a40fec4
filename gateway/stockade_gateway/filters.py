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


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an algorithm asks for, as numbers."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None

    @property
    def is_market(self) -> bool:
        """True when the order has no limit price once it works."""
        return self.type in ("MARKET", "STOP_LOSS", "TAKE_PROFIT")


_NEEDS_PRICE = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_NEEDS_STOP_PRICE = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_NEEDS_TIME_IN_FORCE = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})


def parse_instrument_rules(symbol: Mapping[str, Any]) -> InstrumentRules:
    """Build the rules from one entry of `exchangeInfo`'s symbols (Binance, "Filters")."""
    filters = {entry["filterType"]: entry for entry in symbol["filters"]}
    price = filters.get("PRICE_FILTER", {})
    notional = filters.get("NOTIONAL", {})
    older = filters.get("MIN_NOTIONAL", {})
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
    )


def find_shape_fault(order: OrderRequest) -> str | None:
    """Return what is missing or too much in an order of its type, None when it is whole."""
    if order.quantity <= 0:
        return "quantity must be above zero"
    for name, value, needed in (
        ("price", order.price, order.type in _NEEDS_PRICE),
        ("stop_price", order.stop_price, order.type in _NEEDS_STOP_PRICE),
    ):
        if needed and (value is None or value <= 0):
            return f"a {order.type} order needs a {name} above zero"
        if not needed and value is not None:
            return f"a {order.type} order takes no {name}"
    if order.type not in _NEEDS_TIME_IN_FORCE and order.time_in_force is not None:
        return f"a {order.type} order takes no time_in_force"
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
