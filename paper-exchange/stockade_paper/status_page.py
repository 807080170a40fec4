"""The page a person sees at `/`: feed, armed faults, books and the newest orders; it can change nothing."""

from collections.abc import Iterable
from html import escape

from aiohttp import web

from stockade_paper.amounts import format_amount
from stockade_paper.exchange import Exchange
from stockade_paper.faults import KINDS, Fault, Faults
from stockade_paper.feeds.player import Feed
from stockade_paper.market import Market
from stockade_paper.orders import Order

SHOWN_LEVELS = 5
SHOWN_ORDERS = 50
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1c2430;background:#fbfbf9}"
    "table{border-collapse:collapse;margin:.3rem 0 1.5rem}td,th{padding:.15rem .9rem .15rem 0;text-align:right}"
    "th{font-weight:600}h1{font-size:1.4rem}h2{font-size:1.1rem}.bid{color:#14713c}.ask{color:#a3271f}"
)


class StatusPage:
    """Shows the exchange as it is now; reloading is the only way to see it again."""

    def __init__(self, exchange: Exchange, feed: Feed, faults: Faults) -> None:
        self._exchange = exchange
        self._feed = feed
        self._faults = faults

    async def handle(self, _request: web.Request) -> web.Response:
        """Answer `GET /`."""
        feed = self._feed.describe()
        exchange = self._exchange
        body = (
            "<h1>Paper exchange</h1>"
            "<p>A local exchange that speaks Binance Spot. Nothing here is real money.</p>"
            f"<p>Feed: <b>{escape(str(feed['name']))}</b>, {escape(str(feed['state']))}, {feed['events']} events. "
            f"Accounts: <b>{len(exchange.accounts.by_id)}</b>. Open orders: <b>{len(exchange.open_orders)}</b>. "
            f"Fills: <b>{len(exchange.fills)}</b>. Armed faults: <b>{len(self._faults.armed)}</b>.</p>"
            + write_faults(self._faults.armed)
            + "".join(_write_market(market) for market in exchange.markets.values())
            + write_orders(list(exchange.orders.values())[-SHOWN_ORDERS:])
        )
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Paper exchange</title>'
            f"<style>{STYLE}</style></head><body>{body}</body></html>"
        )
        return web.Response(text=page, content_type="text/html")


def write_faults(armed: list[Fault]) -> str:
    """Write the armed faults as a table, nothing when there is none."""
    if not armed:
        return ""
    rows = [
        (fault.kind, KINDS[fault.kind], "always" if fault.count is None else str(fault.count), f"{fault.probability:g}")
        for fault in armed
    ]
    return "<h2>Armed faults</h2>" + _write_table(("Kind", "What happens", "Times", "Probability"), rows)


def write_orders(orders: list[Order]) -> str:
    """Write the newest orders as a table, newest first; client order ids come from outside and are escaped."""
    rows = [
        (
            str(order.order_id),
            str(order.account_id),
            order.client_order_id,
            f"{order.side} {order.type} {order.symbol}",
            f"{order.executed.normalize():f} of {order.quantity.normalize():f}",
            format_amount(order.price) if order.price else "market",
            order.status,
        )
        for order in reversed(orders)
    ]
    names = ("Order", "Account", "Client order id", "What", "Filled", "Price", "Status")
    return "<h2>Newest orders</h2>" + (_write_table(names, rows) if rows else "<p>There is no order yet.</p>")


def _write_table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _write_market(market: Market) -> str:
    asks = reversed(market.book.levels("SELL", SHOWN_LEVELS))
    bids = market.book.levels("BUY", SHOWN_LEVELS)
    rows = [
        f'<tr class="{style}"><td>{format_amount(price)}</td><td>{format_amount(quantity)}</td></tr>'
        for style, levels in (("ask", asks), ("bid", bids))
        for price, quantity in levels
    ]
    last = format_amount(market.last_price) if market.last_price is not None else "no trade yet"
    symbol = escape(market.instrument.symbol)
    return (
        f"<h2>{symbol} {escape(market.status)}, last {last}</h2>"
        f"<table><tr><th>Price</th><th>Quantity</th></tr>{''.join(rows)}</table>"
    )
