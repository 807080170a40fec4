"""Public market data ("Market Data endpoints" and "General endpoints")."""

import re
from collections.abc import Callable
from typing import Any

from stockade_paper.amounts import ZERO, format_amount
from stockade_paper.candles import DAY_MS, INTERVALS_MS, Candle, close_of, read_time_zone
from stockade_paper.endpoints.call import Call, Endpoint
from stockade_paper.errors import BinanceError, illegal_characters, invalid_choice, invalid_data, no_reference_price
from stockade_paper.instruments import describe_instrument
from stockade_paper.market import Market, Trade
from stockade_paper.parameters import Parameters
from stockade_paper.tickers import (
    describe_aggregate,
    describe_day,
    describe_mini,
    describe_quote,
    describe_window,
    window_of,
)

WINDOW_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS}
MAX_WINDOW_MS = 7 * DAY_MS
INVALID_INTERVAL = invalid_choice(-1120, "Invalid interval.")
TIME_ZONE_PATTERN = r"^[+-]?[0-9]{1,2}(:[0-9]{2})?$"


def ping(_call: Call) -> dict[str, Any]:
    """Answer that the server is there."""
    return {}


def show_time(call: Call) -> dict[str, Any]:
    """Tell the server's time."""
    return {"serverTime": call.server_time_ms}


def show_exchange_info(call: Call) -> dict[str, Any]:
    """Tell symbols, filters and limits."""
    markets = [call.exchange.market(symbol) for symbol in call.parameters.symbols() or call.exchange.markets]
    return {
        "timezone": "UTC",
        "serverTime": call.server_time_ms,
        "rateLimits": call.limits.describe(),
        "exchangeFilters": [],
        "symbols": [describe_instrument(market.instrument, market.status) for market in markets],
        "sors": _describe_routes(markets),
    }


def _describe_routes(markets: list[Market]) -> list[dict[str, Any]]:
    """Write which symbols smart order routing serves: all of them, by base asset."""
    routes: dict[str, list[str]] = {}
    for market in markets:
        routes.setdefault(market.instrument.base, []).append(market.instrument.symbol)
    return [{"baseAsset": asset, "symbols": symbols} for asset, symbols in routes.items()]


def show_depth(call: Call) -> dict[str, Any]:
    """Tell the order book."""
    book = _market(call).book
    limit = call.parameters.limit(100, 5000)
    return {
        "lastUpdateId": book.update_id,
        "bids": describe_levels(book.levels("BUY", limit)),
        "asks": describe_levels(book.levels("SELL", limit)),
    }


def describe_levels(levels: list[tuple[Any, Any]]) -> list[list[str]]:
    """Write price levels."""
    return [[format_amount(price), format_amount(quantity)] for price, quantity in levels]


def list_trades(call: Call) -> list[dict[str, Any]]:
    """List the newest trades."""
    trades = list(_market(call).trades)
    return [_describe_trade(trade) for trade in trades[-call.parameters.limit(500, 1000) :]]


def list_historical_trades(call: Call) -> list[dict[str, Any]]:
    """List trades from an id on."""
    first = call.parameters.integer("fromId")
    if first is None:
        return list_trades(call)
    trades = [trade for trade in _market(call).trades if trade.trade_id >= first]
    return [_describe_trade(trade) for trade in trades[: call.parameters.limit(500, 1000)]]


def list_aggregate_trades(call: Call) -> list[dict[str, Any]]:
    """List trades joined by taker and price."""
    first = call.parameters.integer("fromId")
    start, end = call.parameters.integer("startTime"), call.parameters.integer("endTime")
    limit = call.parameters.limit(500, 1000)
    aggregates = [
        aggregate
        for aggregate in _market(call).aggregates
        if (first is None or aggregate.aggregate_id >= first)
        and (start is None or aggregate.time_ms >= start)
        and (end is None or aggregate.time_ms <= end)
    ]
    chosen = aggregates[-limit:] if first is None and start is None else aggregates[:limit]
    return [describe_aggregate(aggregate) for aggregate in chosen]


def list_klines(call: Call) -> list[list[Any]]:
    """List candles."""
    market = _market(call)
    interval = call.parameters.require_choice("interval", INTERVALS_MS, INVALID_INTERVAL)
    offset_ms = read_time_zone(call.parameters.text("timeZone") or "0")
    if offset_ms is None:
        raise illegal_characters("timeZone", TIME_ZONE_PATTERN)
    candles = market.candles.select(
        interval,
        call.now_ms,
        call.parameters.limit(500, 1000),
        start_ms=call.parameters.integer("startTime"),
        end_ms=call.parameters.integer("endTime"),
        offset_ms=offset_ms,
    )
    return [_describe_kline(candle, interval, offset_ms) for candle in candles]


def show_execution_rules(call: Call) -> dict[str, Any]:
    """Tell the rules of execution per symbol: there are none."""
    names = call.parameters.symbols() or list(call.exchange.markets)
    return {"symbolRules": [{"symbol": call.exchange.market(name).instrument.symbol, "rules": []} for name in names]}


def refuse_reference_price(call: Call) -> dict[str, Any]:
    """Refuse to tell a reference price: no symbol here ever had one, so the filters use the average price."""
    _market(call)
    raise no_reference_price()


def list_block_trades(call: Call) -> list[dict[str, Any]]:
    """List block trades: there are none."""
    _market(call)
    call.parameters.integer("fromId")
    call.parameters.limit(500, 1000)
    return []


def show_average_price(call: Call) -> dict[str, Any]:
    """Tell the average price of the last minutes."""
    market = _market(call)
    minutes = market.instrument.average_price_minutes
    price = market.average_price(call.now_ms, minutes)
    close = market.trades[-1].time_ms if market.trades else call.now_ms
    return {"mins": minutes, "price": format_amount(price or ZERO), "closeTime": close}


def show_day_ticker(call: Call) -> Any:
    """Tell the rolling 24 hours."""
    is_mini = _wants_mini(call.parameters)

    def write(market: Market) -> dict[str, Any]:
        if is_mini:
            return describe_mini(market, window_of(market, call.now_ms), call.now_ms)
        return describe_day(market, call.now_ms)

    return _each(call, write)


def show_trading_day(call: Call) -> Any:
    """Tell the statistics since midnight UTC."""
    now = call.now_ms
    describe = describe_mini if _wants_mini(call.parameters) else describe_window
    _require_symbols(call.parameters)
    return _each(call, lambda market: describe(market, window_of(market, now, now % DAY_MS or 1), now))


def show_rolling_ticker(call: Call) -> Any:
    """Tell the statistics of a rolling window of the caller's size."""
    length = _read_window(call.parameters)
    describe = describe_mini if _wants_mini(call.parameters) else describe_window
    _require_symbols(call.parameters)
    return _each(call, lambda market: describe(market, window_of(market, call.now_ms, length), call.now_ms))


def show_price(call: Call) -> Any:
    """Tell the last price."""
    return _each(
        call,
        lambda market: {
            "symbol": market.instrument.symbol,
            "price": format_amount(market.last_price or ZERO),
        },
    )


def show_book_ticker(call: Call) -> Any:
    """Tell the best bid and ask."""
    return _each(call, describe_quote)


def _market(call: Call) -> Market:
    return call.exchange.market(call.parameters.symbol())


def _each(call: Call, write: Callable[[Market], dict[str, Any]]) -> Any:
    """Write one object for `symbol`, a list for `symbols` or for all."""
    names = call.parameters.symbols()
    if call.parameters.has("symbol") and names:
        return write(call.exchange.market(names[0]))
    return [write(call.exchange.market(name)) for name in names or call.exchange.markets]


def _wants_mini(parameters: Parameters) -> bool:
    return parameters.choice("type", ("FULL", "MINI"), lambda: invalid_data("type")) == "MINI"


def _require_symbols(parameters: Parameters) -> None:
    if parameters.symbols() is None:
        raise BinanceError(-1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!")


def _read_window(parameters: Parameters) -> int:
    text = parameters.text("windowSize") or "1d"
    found = re.fullmatch(r"([1-9][0-9]?)([mhd])", text)
    length = int(found[1]) * WINDOW_UNITS_MS[found[2]] if found else 0
    if not 0 < length <= MAX_WINDOW_MS:
        raise BinanceError(-1139, "The ticker windowSize is invalid.")
    return length


def _describe_trade(trade: Trade) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": format_amount(trade.price),
        "qty": format_amount(trade.quantity),
        "quoteQty": format_amount(trade.price * trade.quantity),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_maker,
        "isBestMatch": True,
    }


def _describe_kline(candle: Candle, interval: str, offset_ms: int) -> list[Any]:
    return [
        candle.open_ms,
        format_amount(candle.open),
        format_amount(candle.high),
        format_amount(candle.low),
        format_amount(candle.close),
        format_amount(candle.volume),
        close_of(candle.open_ms, interval, offset_ms),
        format_amount(candle.quote_volume),
        candle.trades,
        format_amount(candle.taker_base),
        format_amount(candle.taker_quote),
        "0",
    ]


def _weigh_depth(parameters: Parameters) -> int:
    limit = parameters.limit(100, 5000)
    return next(weight for ceiling, weight in ((100, 5), (500, 25), (1000, 50), (5000, 250)) if limit <= ceiling)


def _weigh_two_or_four(parameters: Parameters) -> int:
    return 2 if parameters.has("symbol") else 4


def _weigh_day_ticker(parameters: Parameters) -> int:
    symbols = parameters.symbols()
    if symbols is None:
        return 80
    return next(weight for ceiling, weight in ((20, 2), (100, 40), (len(symbols), 80)) if len(symbols) <= ceiling)


def _weigh_per_symbol(parameters: Parameters) -> int:
    return min(4 * len(parameters.symbols() or [""]), 200)


def _weigh_rules(parameters: Parameters) -> int:
    return min(2 * len(parameters.symbols() or range(20)), 40)


ENDPOINTS = (
    Endpoint(ping, 1, ("GET", "/api/v3/ping"), "ping"),
    Endpoint(show_time, 1, ("GET", "/api/v3/time"), "time"),
    Endpoint(show_exchange_info, 20, ("GET", "/api/v3/exchangeInfo"), "exchangeInfo"),
    Endpoint(show_execution_rules, _weigh_rules, ("GET", "/api/v3/executionRules"), "executionRules"),
    Endpoint(refuse_reference_price, 2, ("GET", "/api/v3/referencePrice"), "referencePrice"),
    Endpoint(refuse_reference_price, 2, ("GET", "/api/v3/referencePrice/calculation"), "referencePrice.calculation"),
    Endpoint(list_block_trades, 25, ("GET", "/api/v3/historicalBlockTrades"), "blockTrades.historical"),
    Endpoint(show_depth, _weigh_depth, ("GET", "/api/v3/depth"), "depth"),
    Endpoint(list_trades, 25, ("GET", "/api/v3/trades"), "trades.recent"),
    Endpoint(list_historical_trades, 25, ("GET", "/api/v3/historicalTrades"), "trades.historical"),
    Endpoint(list_aggregate_trades, 4, ("GET", "/api/v3/aggTrades"), "trades.aggregate"),
    Endpoint(list_klines, 2, ("GET", "/api/v3/klines"), "klines"),
    Endpoint(list_klines, 2, ("GET", "/api/v3/uiKlines"), "uiKlines"),
    Endpoint(show_average_price, 2, ("GET", "/api/v3/avgPrice"), "avgPrice"),
    Endpoint(show_day_ticker, _weigh_day_ticker, ("GET", "/api/v3/ticker/24hr"), "ticker.24hr"),
    Endpoint(show_trading_day, _weigh_per_symbol, ("GET", "/api/v3/ticker/tradingDay"), "ticker.tradingDay"),
    Endpoint(show_rolling_ticker, _weigh_per_symbol, ("GET", "/api/v3/ticker"), "ticker"),
    Endpoint(show_price, _weigh_two_or_four, ("GET", "/api/v3/ticker/price"), "ticker.price"),
    Endpoint(show_book_ticker, _weigh_two_or_four, ("GET", "/api/v3/ticker/bookTicker"), "ticker.book"),
)
