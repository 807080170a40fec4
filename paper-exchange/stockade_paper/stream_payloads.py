"""The payloads of market streams ("WebSocket Streams"), apart because their one-letter keys belong to nobody else."""

from decimal import Decimal
from typing import Any

from stockade_paper.amounts import ZERO, format_amount
from stockade_paper.book import Level
from stockade_paper.candles import Candle, close_of
from stockade_paper.market import Aggregate, Market, Trade
from stockade_paper.tickers import average, describe_aggregate, describe_quote, percent

Payload = dict[str, Any]


def trade_payload(market: Market, trade: Trade) -> Payload:
    """`<symbol>@trade`."""
    return {
        "e": "trade",
        "E": trade.time_ms,
        "s": market.instrument.symbol,
        "t": trade.trade_id,
        "p": format_amount(trade.price),
        "q": format_amount(trade.quantity),
        "T": trade.time_ms,
        "m": trade.buyer_maker,
        "M": True,
    }


def aggregate_payload(market: Market, aggregate: Aggregate) -> Payload:
    """`<symbol>@aggTrade`."""
    event = {"e": "aggTrade", "E": aggregate.time_ms, "s": market.instrument.symbol}
    return event | describe_aggregate(aggregate)


def quote_payload(market: Market) -> Payload:
    """`<symbol>@bookTicker`."""
    quote = describe_quote(market)
    return {
        "u": market.book.update_id,
        "s": market.instrument.symbol,
        "b": quote["bidPrice"],
        "B": quote["bidQty"],
        "a": quote["askPrice"],
        "A": quote["askQty"],
    }


def depth_payload(market: Market, changes: tuple[int, int, list[Level], list[Level]], now_ms: int) -> Payload:
    """`<symbol>@depth`: what changed since the last event of this speed."""
    first, last, bids, asks = changes
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "s": market.instrument.symbol,
        "U": first,
        "u": last,
        "b": _levels(bids),
        "a": _levels(asks),
    }


def partial_depth_payload(market: Market, limit: int) -> Payload:
    """`<symbol>@depth5`, `10` and `20`."""
    book = market.book
    return {
        "lastUpdateId": book.update_id,
        "bids": _levels(book.levels("BUY", limit)),
        "asks": _levels(book.levels("SELL", limit)),
    }


def kline_payload(
    market: Market, candle: Candle, interval: str, now_ms: int, offset_ms: int, *, is_closed: bool
) -> Payload:
    """`<symbol>@kline_<interval>`, also in another time zone."""
    symbol = market.instrument.symbol
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": candle.open_ms,
            "T": close_of(candle.open_ms, interval, offset_ms),
            "s": symbol,
            "i": interval,
            "f": candle.first_trade_id,
            "L": candle.last_trade_id,
            "o": format_amount(candle.open),
            "c": format_amount(candle.close),
            "h": format_amount(candle.high),
            "l": format_amount(candle.low),
            "v": format_amount(candle.volume),
            "n": candle.trades,
            "x": is_closed,
            "q": format_amount(candle.quote_volume),
            "V": format_amount(candle.taker_base),
            "Q": format_amount(candle.taker_quote),
            "B": "0",
        },
    }


def mini_ticker_payload(market: Market, window: Candle, now_ms: int) -> Payload:
    """`<symbol>@miniTicker`."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": market.instrument.symbol,
        "c": format_amount(window.close),
        "o": format_amount(window.open),
        "h": format_amount(window.high),
        "l": format_amount(window.low),
        "v": format_amount(window.volume),
        "q": format_amount(window.quote_volume),
    }


def window_ticker_payload(market: Market, window: Candle, now_ms: int, event: str) -> Payload:
    """`<symbol>@ticker_1h` and its kin."""
    change = window.close - window.open
    return {
        "e": event,
        "E": now_ms,
        "s": market.instrument.symbol,
        "p": format_amount(change),
        "P": f"{percent(change, window.open):.3f}",
        "o": format_amount(window.open),
        "h": format_amount(window.high),
        "l": format_amount(window.low),
        "c": format_amount(window.close),
        "w": format_amount(average(window)),
        "v": format_amount(window.volume),
        "q": format_amount(window.quote_volume),
        "O": window.open_ms,
        "C": now_ms,
        "F": window.first_trade_id,
        "L": window.last_trade_id,
        "n": window.trades,
    }


def ticker_payload(market: Market, window: Candle, now_ms: int) -> Payload:
    """`<symbol>@ticker`."""
    quote = describe_quote(market)
    last = market.trades[-1].quantity if market.trades else ZERO
    return window_ticker_payload(market, window, now_ms, "24hrTicker") | {
        "x": format_amount(window.open),
        "Q": format_amount(last),
        "b": quote["bidPrice"],
        "B": quote["bidQty"],
        "a": quote["askPrice"],
        "A": quote["askQty"],
    }


def average_price_payload(market: Market, price: Decimal, now_ms: int) -> Payload:
    """`<symbol>@avgPrice`."""
    return {
        "e": "avgPrice",
        "E": now_ms,
        "s": market.instrument.symbol,
        "i": f"{market.instrument.average_price_minutes}m",
        "w": format_amount(price),
        "T": market.trades[-1].time_ms if market.trades else now_ms,
    }


def _levels(levels: list[Level]) -> list[list[str]]:
    return [[format_amount(price), format_amount(quantity)] for price, quantity in levels]
