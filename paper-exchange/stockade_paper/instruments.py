"""The symbols that can be traded and their filters, apart because clients read all of it from exchangeInfo."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stockade_paper.amounts import format_amount

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
SELF_TRADE_PREVENTION_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
DEFAULT_SELF_TRADE_PREVENTION_MODE = "EXPIRE_MAKER"


@dataclass(frozen=True)
class Instrument:
    """One symbol; names follow the filters' keys ("Filters" in Binance's documentation)."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    step_size: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    max_price: Decimal = Decimal(1000000)
    min_notional: Decimal = Decimal(5)
    max_notional: Decimal = Decimal(9000000)
    percent_price_up: Decimal = Decimal(5)
    percent_price_down: Decimal = Decimal("0.2")
    average_price_minutes: int = 5
    iceberg_parts: int = 100
    max_orders: int = 200
    max_algo_orders: int = 5
    max_order_lists: int = 20
    max_amends: int = 10
    max_position: Decimal | None = None
    min_trailing_delta: int = 10
    max_trailing_delta: int = 2000

    @property
    def min_price(self) -> Decimal:
        """One tick, as on most of Binance's symbols."""
        return self.tick_size

    @property
    def min_quantity(self) -> Decimal:
        """One step, as on most of Binance's symbols."""
        return self.step_size


INSTRUMENTS = (
    Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(9000), Decimal(100)),
    Instrument("ETHUSDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(9000), Decimal(2000)),
    Instrument("BNBUSDT", "BNB", "USDT", Decimal("0.01"), Decimal("0.001"), Decimal(9000), Decimal(2000)),
)


def describe_filters(instrument: Instrument) -> list[dict[str, Any]]:
    """List the symbol's filters with Binance's exact keys."""
    filters: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format_amount(instrument.min_price),
            "maxPrice": format_amount(instrument.max_price),
            "tickSize": format_amount(instrument.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": format_amount(instrument.min_quantity),
            "maxQty": format_amount(instrument.max_quantity),
            "stepSize": format_amount(instrument.step_size),
        },
        {"filterType": "ICEBERG_PARTS", "limit": instrument.iceberg_parts},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": format_amount(Decimal(0)),
            "maxQty": format_amount(instrument.market_max_quantity),
            "stepSize": format_amount(Decimal(0)),
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": instrument.min_trailing_delta,
            "maxTrailingAboveDelta": instrument.max_trailing_delta,
            "minTrailingBelowDelta": instrument.min_trailing_delta,
            "maxTrailingBelowDelta": instrument.max_trailing_delta,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(instrument.percent_price_up),
            "bidMultiplierDown": str(instrument.percent_price_down),
            "askMultiplierUp": str(instrument.percent_price_up),
            "askMultiplierDown": str(instrument.percent_price_down),
            "avgPriceMins": instrument.average_price_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": format_amount(instrument.min_notional),
            "applyMinToMarket": True,
            "maxNotional": format_amount(instrument.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": instrument.average_price_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": instrument.max_orders},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": instrument.max_order_lists},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": instrument.max_algo_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": instrument.max_amends},
    ]
    if instrument.max_position is not None:
        filters.append({"filterType": "MAX_POSITION", "maxPosition": format_amount(instrument.max_position)})
    return filters


def describe_instrument(instrument: Instrument, status: str) -> dict[str, Any]:
    """Write one symbol as exchangeInfo does."""
    return {
        "symbol": instrument.symbol,
        "status": status,
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": describe_filters(instrument),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": DEFAULT_SELF_TRADE_PREVENTION_MODE,
        "allowedSelfTradePreventionModes": list(SELF_TRADE_PREVENTION_MODES),
    }
