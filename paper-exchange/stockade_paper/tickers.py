"""Price statistics of one market, apart because REST, the WebSocket API and the streams show the same numbers."""

from decimal import Decimal
from typing import Any

from stockade_paper.amounts import ZERO, format_amount
from stockade_paper.candles import DAY_MS, Candle
from stockade_paper.market import Aggregate, Market

Row = dict[str, Any]


def window_of(market: Market, now_ms: int, length_ms: int = DAY_MS) -> Candle:
    """Sum the last `length_ms`; a flat zero candle while nothing has traded."""
    found = market.candles.last_hours(now_ms, length_ms)
    return found if found is not None else Candle(now_ms, ZERO, ZERO, ZERO, ZERO)


def describe_window(market: Market, window: Candle, now_ms: int) -> Row:
    """Write the fields that all full statistics share."""
    change = window.close - window.open
    return {
        "symbol": market.instrument.symbol,
        "priceChange": format_amount(change),
        "priceChangePercent": f"{percent(change, window.open):.3f}",
        "weightedAvgPrice": format_amount(average(window)),
        "openPrice": format_amount(window.open),
        "highPrice": format_amount(window.high),
        "lowPrice": format_amount(window.low),
        "lastPrice": format_amount(window.close),
        "volume": format_amount(window.volume),
        "quoteVolume": format_amount(window.quote_volume),
        "openTime": window.open_ms,
        "closeTime": now_ms,
        "firstId": window.first_trade_id,
        "lastId": window.last_trade_id,
        "count": window.trades,
    }


def describe_mini(market: Market, window: Candle, now_ms: int) -> Row:
    """Write the fields of `type=MINI`."""
    full = describe_window(market, window, now_ms)
    dropped = {"priceChange", "priceChangePercent", "weightedAvgPrice"}
    return {key: value for key, value in full.items() if key not in dropped}


def describe_day(market: Market, now_ms: int) -> Row:
    """Write `GET /api/v3/ticker/24hr` of one symbol."""
    window = window_of(market, now_ms)
    quote = describe_quote(market)
    last = market.trades[-1].quantity if market.trades else ZERO
    return describe_window(market, window, now_ms) | {
        "prevClosePrice": format_amount(window.open),
        "lastQty": format_amount(last),
        "bidPrice": quote["bidPrice"],
        "bidQty": quote["bidQty"],
        "askPrice": quote["askPrice"],
        "askQty": quote["askQty"],
    }


def describe_quote(market: Market) -> Row:
    """Write `GET /api/v3/ticker/bookTicker` of one symbol; an empty side shows zeros."""
    bid = market.book.best("BUY") or (ZERO, ZERO)
    ask = market.book.best("SELL") or (ZERO, ZERO)
    return {
        "symbol": market.instrument.symbol,
        "bidPrice": format_amount(bid[0]),
        "bidQty": format_amount(bid[1]),
        "askPrice": format_amount(ask[0]),
        "askQty": format_amount(ask[1]),
    }


def describe_aggregate(aggregate: Aggregate) -> Row:
    """Write a row of `GET /api/v3/aggTrades`."""
    return {
        "a": aggregate.aggregate_id,
        "p": format_amount(aggregate.price),
        "q": format_amount(aggregate.quantity),
        "f": aggregate.first_trade_id,
        "l": aggregate.last_trade_id,
        "T": aggregate.time_ms,
        "m": aggregate.buyer_maker,
        "M": True,
    }


def average(window: Candle) -> Decimal:
    """Volume-weighted average price of a window; its close when nothing traded."""
    return window.quote_volume / window.volume if window.volume else window.close


def percent(change: Decimal, base: Decimal) -> Decimal:
    """Change in percent of `base`; zero when there is no base."""
    return change / base * 100 if base else ZERO
