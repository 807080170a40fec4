"""Reconciliation: making the books agree with the exchange, at the start, after every reconnect and when it is quiet.

The exchange is right about every order; the books say which to ask about. Until the first reconciliation and during the
one after a reconnect no order is accepted.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stockade_gateway.books import Books
from stockade_gateway.errors import ExchangeError, StatusUnknownError
from stockade_gateway.exchange.decode import read_order, read_trade
from stockade_gateway.exchange.rest import RECV_WINDOW_MS, RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.orders import Order, OrderReport
from stockade_gateway.rate_budget import Purpose

_QUIET_SECONDS = 45.0
_RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_PAGE = 1000
_OVERLAP_MS = 60_000
_ORDER_DOES_NOT_EXIST = -2013
_ORDER_ARCHIVED = -2026
_SYMBOL_DOES_NOT_EXIST = -1121
# A request can't be carried out once its recvWindow is over; the rest is for the exchange's clock and queues.
_LATEST_EXECUTION_NS = (RECV_WINDOW_MS + 5000) * 1_000_000
# News older than this, found by asking, should have come as an event.
_EVENT_DELAY_MS = 5000

logger = logging.getLogger(__name__)


class Reconciler:
    """Owns the answer to "may orders be accepted yet?"."""

    def __init__(self, books: Books, symbols: tuple[str, ...], rest: RestClient, api: WebsocketApi) -> None:
        self._books = books
        self._symbols = symbols
        self._rest = rest
        self._api = api
        self._started_ns = time.time_ns()
        self._known_until_ms = books.known_until_ms
        self._complete_once = False
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self.last_time: datetime | None = None
        # What of the time before the journal began is missing, None when nothing is.
        self.past_unknown: str | None = None
        self.pending: str | None = "the gateway has not reconciled with the exchange yet"
        # What an earlier gateway sent, it sent before this one started.
        for order in books.orders.open():
            order.sent_time_ns = self._started_ns

    def note_connection(self, *, connected: bool) -> None:
        """React to the WebSocket API coming up or going down."""
        if connected:
            self.pending = "the gateway is reconciling with the exchange"
            self._wanted.set()
        else:
            self.pending = "the connection to the exchange is lost"
            self._wanted.clear()

    def note_past(self) -> None:
        """Ask about the open orders that the ledger told of, before any new one is accepted."""
        for order in self._books.orders.open():
            if order.sent_time_ns is None and order.created_time_ns < self._started_ns:
                order.sent_time_ns = self._started_ns
        if self.pending is None:
            self.pending = "the gateway is reconciling what the ledger told"
        if self._api.connected:
            self._wanted.set()
        self.past_unknown = None

    def look_again(self) -> None:
        """Ask soon for every order that is open, because an event may have been missed; orders go on meanwhile."""
        self._wanted.set()

    async def run(self) -> None:
        """Reconcile whenever it is wanted, until cancelled."""
        failures = 0
        while True:
            quiet = await self._wait()
            # Known at the beginning: what is told meanwhile is for the next turn.
            is_past_known = self.past_unknown is None
            try:
                found = await self._reconcile_known() if self._complete_once else await self._reconcile_all()
            except ExchangeError as error:
                delay = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
                failures += 1
                if self.pending is not None:
                    self.pending = f"reconciling with the exchange failed: {error.message}"
                    self._wanted.set()
                logger.warning("reconciliation failed, trying again in %s s: %s", delay, error)
                await asyncio.sleep(delay)
                continue
            failures = 0
            self._complete_once = is_past_known
            self.last_time = datetime.now(UTC)
            if self._api.connected and not self._wanted.is_set():
                self.pending = None
            if quiet and found:
                self._api.connection.reconnect("user events were missed")

    async def find_differences(self, since_ns: int) -> list[str]:
        """Ask for the open orders and for each order made since then; returns what the exchange has differently.

        What it tells of is in the books then. Raises ExchangeError.
        """
        differences: list[str] = []
        for symbol in sorted({*self._symbols, *self._books.positions.symbols()}):
            for row in await self._list("/api/v3/openOrders", {"symbol": symbol}):
                self._books.take_report(read_order(row))
                if row["clientOrderId"].startswith(self._books.orders.prefix):
                    differences.append(f"{row['clientOrderId']} is open at the exchange")
        newest = [o for o in self._books.orders.all() if o.created_time_ns >= since_ns and o.acknowledged]
        for order in newest:
            report = await self._take_order(order, await self._get_order(order))
            if order.filled_quantity != report.executed_quantity:
                executed = f"{report.executed_quantity.normalize():f}, not {order.filled_quantity.normalize():f}"
                differences.append(f"{order.client_order_id} executed {executed}, by the exchange's word")
        return differences

    async def resolve(self, order: Order) -> None:
        """Ask about one order until the exchange has answered; the order counts as open until then."""
        for attempt in range(1_000_000):
            if order.is_final:
                return
            try:
                if await self._ask(order):
                    return
            except ExchangeError as error:
                logger.warning("asking for order %s: %s", order.client_order_id, error)
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])

    async def resolve_amendment(self, order: Order, quantity: Decimal, sent_time_ns: int) -> bool:
        """Ask until the order has that quantity or is closed; False when the request can no longer arrive."""
        for attempt in range(1_000_000):
            asked_ns = time.time_ns()
            try:
                await self._ask(order)
            except ExchangeError as error:
                logger.warning("asking for order %s: %s", order.client_order_id, error)
            else:
                if order.is_final or order.quantity <= quantity:
                    return True
                if asked_ns > sent_time_ns + _LATEST_EXECUTION_NS:
                    return False
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
        return False

    async def _wait(self) -> bool:
        """Return when a reconciliation is due; True when only because it has been quiet."""
        while True:
            try:
                await asyncio.wait_for(self._wanted.wait(), _QUIET_SECONDS)
            except TimeoutError:
                if self._api.connected and self._books.orders.open_count:
                    return True
                continue
            self._wanted.clear()
            return False

    async def _reconcile_all(self) -> bool:
        """Bring in all orders since the books' last news, by symbol; then those the books still hold for open.

        Before the ledger has told the past, only what is open: the steps of all else are there, and taken in anew from
        the exchange an order would have each of them twice.
        """
        for symbol in self._symbols:
            for row in await self._list("/api/v3/openOrders", {"symbol": symbol}):
                self._books.take_report(read_order(row))
            if self.past_unknown is None:
                await self._read_recent_orders(symbol)
        await self._reconcile_known()
        return True

    async def _read_recent_orders(self, symbol: str) -> None:
        parameters: dict[str, object] = {"symbol": symbol, "limit": _PAGE}
        if self._known_until_ms is not None:
            parameters["startTime"] = self._known_until_ms - _OVERLAP_MS
        while True:
            rows = await self._list("/api/v3/allOrders", parameters)
            for row in rows:
                self._books.take_report(read_order(row))
            # Without a start the newest page is all there is to ask for; with one, pages follow each other by id.
            if self._known_until_ms is None or len(rows) < _PAGE:
                return
            parameters = {"symbol": symbol, "limit": _PAGE, "orderId": rows[-1]["orderId"] + 1}

    async def _reconcile_known(self) -> bool:
        """Ask for every order the books hold for open; returns whether that was overdue news."""
        found = False
        waiting: list[Order] = []
        for symbol in sorted({order.symbol for order in self._books.orders.open()}):
            held = [order for order in self._books.orders.open() if order.symbol == symbol]
            rows = await self._list("/api/v3/openOrders", {"symbol": symbol})
            reports = {row["clientOrderId"]: read_order(row) for row in rows}
            for order in held:
                report = reports.get(order.client_order_id)
                if report is not None:
                    found |= self._take(report)
                elif not order.is_final and not await self._ask(order):
                    waiting.append(order)
                else:
                    found |= order.is_final and _is_overdue(order.updated_time_ns // 1_000_000)
                if order.lacks_executions:
                    await self._read_executions(order)
        for order in waiting:
            await self.resolve(order)
        return found

    def _take(self, report: OrderReport) -> bool:
        return self._books.take_report(report) and _is_overdue(report.event_time_ms)

    async def _ask(self, order: Order) -> bool:
        """Ask for one order; returns False while the exchange does not know it but might still get it."""
        if order.sent_time_ns is None:
            return False
        asked_ns = time.time_ns()
        try:
            row = await self._get_order(order)
        except StatusUnknownError:
            raise
        except ExchangeError as error:
            if error.code not in (_ORDER_DOES_NOT_EXIST, _ORDER_ARCHIVED, _SYMBOL_DOES_NOT_EXIST):
                raise
            return self._note_missing(order, asked_ns, error.message)
        await self._take_order(order, row)
        return not order.lacks_executions

    async def _get_order(self, order: Order) -> dict[str, Any]:
        parameters = {"symbol": order.symbol, "origClientOrderId": order.client_order_id}
        row: dict[str, Any] = await self._rest.get("/api/v3/order", parameters, signed=True, purpose=Purpose.RECONCILE)
        return row

    async def _take_order(self, order: Order, row: dict[str, Any]) -> OrderReport:
        """Take in what the exchange says about one order, with the executions that it tells of."""
        report = read_order(row)
        self._books.take_report(report)
        if order.lacks_executions:
            await self._read_executions(order)
        return report

    def _note_missing(self, order: Order, asked_ns: int, message: str) -> bool:
        if order.is_final:
            return True
        if order.sent_time_ns is None or asked_ns < order.sent_time_ns + _LATEST_EXECUTION_NS:
            return False
        if not order.acknowledged:
            self._books.reject(order, f"it never reached the exchange: {message}")
            return True
        # It was there once: the exchange forgot it (a test exchange starts anew each month), so nothing can fill.
        self._books.take_report(
            OrderReport(
                client_order_id=order.client_order_id,
                symbol=order.symbol,
                exchange_order_id=order.exchange_order_id or 0,
                status="CANCELED",
                side=order.side,
                type=order.type,
                time_in_force=order.time_in_force,
                quantity=order.quantity,
                price=order.price,
                stop_price=order.stop_price,
                executed_quantity=order.filled_quantity,
                event_time_ms=asked_ns // 1_000_000,
                reason=f"the exchange no longer knows it: {message}",
            )
        )
        return True

    async def _read_executions(self, order: Order) -> None:
        parameters: dict[str, object] = {"symbol": order.symbol, "orderId": order.exchange_order_id or 0}
        # From the oldest on: without `fromId` only the newest page would be answered.
        parameters |= {"fromId": 0, "limit": _PAGE}
        while True:
            rows = await self._list("/api/v3/myTrades", parameters)
            for row in rows:
                self._books.take_execution(read_trade(row, order.client_order_id))
            if len(rows) < _PAGE:
                return
            parameters["fromId"] = rows[-1]["id"] + 1

    async def _list(self, path: str, parameters: dict[str, object]) -> list[dict[str, Any]]:
        """Return the rows of a signed question; none of a symbol that was delisted, so that the others trade on."""
        try:
            rows: list[dict[str, Any]] = await self._rest.get(path, parameters, signed=True, purpose=Purpose.RECONCILE)
        except ExchangeError as error:
            if error.code != _SYMBOL_DOES_NOT_EXIST:
                raise
            return []
        return rows


def _is_overdue(event_time_ms: int) -> bool:
    return event_time_ms + _EVENT_DELAY_MS < time.time_ns() // 1_000_000
