"""The page a person sees at `/`: feed, armed faults, books and the newest orders; it can change nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from pathlib import Path

from aiohttp import web

from stockade_paper.amounts import ZERO
from stockade_paper.book import Level
from stockade_paper.exchange import Exchange
from stockade_paper.faults import KINDS, Fault, Faults
from stockade_paper.feeds.player import Feed
from stockade_paper.market import Market
from stockade_paper.orders import Order
from stockade_paper.tickers import percent, window_of

SHOWN_LEVELS = 6
SHOWN_ORDERS = 50
CHART_MINUTES = 120
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
GOOD_STATES = frozenset({"TRADING", "running", "NEW", "PARTIALLY_FILLED", "FILLED"})
BAD_STATES = frozenset(
    {"HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY", "REJECTED", "EXPIRED_IN_MATCH", "paused", "ended"}
)
Cells = tuple[str, ...]


class StatusPage:
    """Shows the exchange as it is now."""

    def __init__(self, exchange: Exchange, feed: Feed, faults: Faults) -> None:
        self._exchange = exchange
        self._feed = feed
        self._faults = faults

    async def handle(self, _request: web.Request) -> web.Response:
        """Answer `GET /`."""
        now_ms = self._exchange.clock()
        markets = "".join(_write_market(market, now_ms) for market in self._exchange.markets.values())
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Paper exchange</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            f"<style>{STYLE}</style></head><body>{self._write_header(now_ms)}<main>"
            + write_faults(self._faults.armed)
            + f'<div class="markets">{markets}</div>'
            + write_orders(list(self._exchange.orders.values())[-SHOWN_ORDERS:])
            + f"</main><script>{SCRIPT}</script></body></html>"
        )
        return web.Response(text=page, content_type="text/html")

    def _write_header(self, now_ms: int) -> str:
        feed, exchange = self._feed.describe(), self._exchange
        told = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%H:%M:%S")
        counts = (
            ("accounts", len(exchange.accounts.by_id)),
            ("open orders", len(exchange.open_orders)),
            ("fills", len(exchange.fills)),
            ("armed faults", len(self._faults.armed)),
        )
        return (
            "<header><h1>Paper exchange</h1>"
            + _write_pill(str(feed["state"]), f"{feed['name']} feed {feed['state']}, {feed['events']} events")
            + "".join(f'<span class="pill">{name} {number}</span>' for name, number in counts)
            + f'<p id="age">Speaks Binance Spot; nothing here is real money. As of {told} UTC.</p></header>'
        )


def write_faults(armed: list[Fault]) -> str:
    """Write the armed faults as a table, nothing when there is none."""
    if not armed:
        return ""
    rows = [
        (
            fault.kind,
            KINDS[fault.kind].replace("`", ""),
            "always" if fault.count is None else str(fault.count),
            f"{fault.probability:g}",
        )
        for fault in armed
    ]
    names = ("Kind", "What happens", "Times", "Probability")
    table = _write_table(names, ([escape(cell) for cell in row] for row in rows))
    return f"<section><h2>Armed faults</h2>{table}</section>"


def write_orders(orders: list[Order]) -> str:
    """Write the newest orders as a table, newest first; client order ids come from outside and are escaped."""
    rows = [
        (
            str(order.order_id),
            str(order.account_id),
            escape(order.client_order_id),
            f'<span class="{"bid" if order.side == "BUY" else "ask"}">{order.side}</span> {order.type} {order.symbol}',
            f"{_write_plain(order.price)}" if order.price else "market",
            f"{_write_plain(order.executed)} of {_write_plain(order.quantity)}",
            _write_pill(order.status, order.status),
        )
        for order in reversed(orders)
    ]
    names = ("Order", "Account", "Client order id", "What", "Price", "Filled", "Status")
    table = _write_table(names, rows) if rows else "<p>There is no order yet.</p>"
    return f"<section><h2>Newest orders</h2>{table}</section>"


def _write_market(market: Market, now_ms: int) -> str:
    day = window_of(market, now_ms)
    change = percent(day.close - day.open, day.open)
    last = _write_amount(market.last_price, market.instrument.tick_size) if market.last_price else "no trade yet"
    asks, bids = market.book.levels("SELL", SHOWN_LEVELS), market.book.levels("BUY", SHOWN_LEVELS)
    most = max((quantity for _, quantity in [*asks, *bids]), default=ZERO)
    spread = _write_amount(asks[0][0] - bids[0][0], market.instrument.tick_size) if asks and bids else "unknown"
    return (
        f'<section><div class="head"><h2>{escape(market.instrument.symbol)}</h2>'
        f"{_write_pill(market.status, market.status)}</div>"
        f'<div class="head"><span class="last">{last}</span>'
        f'<span class="{"bid" if change >= 0 else "ask"}">{change:+.2f} % in 24 h</span></div>'
        f"{_write_chart(market, now_ms)}"
        '<table class="book"><tbody>'
        + "".join(_write_level("ask", level, most, market) for level in reversed(asks))
        + f'<tr class="spread"><td></td><td class="number">spread {spread}</td><td></td></tr>'
        + "".join(_write_level("bid", level, most, market) for level in bids)
        + "</tbody></table></section>"
    )


def _write_level(style: str, level: Level, most: Decimal, market: Market) -> str:
    """Write one level with a bar as long as its share of the biggest; a dot marks this exchange's own orders in it."""
    price, quantity = level
    own = "&#9679;" if price in market.book.resting["BUY" if style == "bid" else "SELL"] else ""
    return (
        f'<tr class="{style}" style="--share:{quantity / most:.0%}"><td title="orders of accounts here">{own}</td>'
        f'<td class="number">{_write_amount(price, market.instrument.tick_size)}</td>'
        f'<td class="number">{_write_amount(quantity, market.instrument.step_size)}</td></tr>'
    )


def _write_chart(market: Market, now_ms: int) -> str:
    """Draw the closing prices of the last minutes as one line."""
    closes = [float(candle.close) for candle in market.candles.select("1m", now_ms, CHART_MINUTES)]
    if len(closes) < 2:
        return ""
    low, span = min(closes), (max(closes) - min(closes)) or 1.0
    points = " ".join(f"{place},{30 - 28 * (close - low) / span:.1f}" for place, close in enumerate(closes))
    label = f"last price over {len(closes)} minutes"
    return (
        f'<svg viewBox="0 0 {len(closes) - 1} 32" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<polyline points="{points}"/></svg>'
    )


def _write_pill(state: str, text: str) -> str:
    style = "good" if state in GOOD_STATES else "bad" if state in BAD_STATES else ""
    return f'<span class="pill {style}">{escape(text)}</span>'


def _write_table(names: Cells, rows: Iterable[Iterable[str]]) -> str:
    """Write a table whose cells are HTML already."""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _write_amount(amount: Decimal, step: Decimal) -> str:
    """Write an amount with as many decimals as its step has."""
    return f"{amount:,.{max(-int(step.normalize().as_tuple().exponent), 0)}f}"


def _write_plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
