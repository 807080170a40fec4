"""The desk: checks what the algorithm asks, counts it in the same step, sends it, and finds out what became of it.

The checks are `limits.py`'s and the state machine is `orders.py`'s; what is here is the order of things: reserve, write
down, send, and never send twice.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from stockade_gateway.books import Books
from stockade_gateway.control import ControlFile, Trading
from stockade_gateway.errors import ExchangeError, JournalError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange.decode import read_order
from stockade_gateway.exchange.rest import TIMESTAMP_REFUSED, RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.filters import ZERO, InstrumentRules, OrderRequest
from stockade_gateway.limits import Denial, Snapshot, SymbolView, find_denial
from stockade_gateway.market import Market
from stockade_gateway.orders import Order, OrderState
from stockade_gateway.rate_budget import Purpose, RateBudget
from stockade_wire.order_ids import OrderIds

# Orders and cancels waiting for the exchange; beyond it the desk takes no more orders.
_MAX_IN_FLIGHT = 200
_CANCEL_ATTEMPTS = 5
_DUPLICATE_ORDER = "Duplicate order sent."

logger = logging.getLogger(__name__)


class Readiness(Protocol):
    """Whether the books agree with the exchange, and the way to find out about one order; `reconcile.py` has both."""

    @property
    def pending(self) -> str | None:
        """Why no order may be accepted yet, None when it may."""

    @property
    def past_unknown(self) -> str | None:
        """What of the time before this pod is missing, None when nothing is."""

    async def resolve(self, order: Order) -> None:
        """Ask the exchange about the order until its fate is known."""


class Desk:
    """Takes orders and cancels; everything but `settle` answers at once."""

    def __init__(
        self,
        *,
        books: Books,
        rules: dict[str, InstrumentRules],
        symbols: tuple[str, ...],
        market: Market,
        control_file: ControlFile,
        ids: OrderIds,
        api: WebsocketApi,
        rest: RestClient,
        budget: RateBudget,
    ) -> None:
        self.books = books
        self.rules = rules
        self.symbols = symbols
        self.market = market
        self.control_file = control_file
        self.api = api
        self._ids = ids
        self._rest = rest
        self._budget = budget
        # Orders of the last minute count across a restart, too.
        self._order_times = deque(sorted(order.created_time_ns / 1e9 for order in books.orders.all()))
        self._tasks: set[asyncio.Task[None]] = set()
        # The disk's slowness must not stop the market data: waiting for it has a thread of its own.
        self._journal_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._readiness: Readiness | None = None
        self.leaving = False

    def set_readiness(self, readiness: Readiness) -> None:
        """Tell the desk whom to ask whether orders may be accepted."""
        self._readiness = readiness

    def make_snapshot(self) -> Snapshot:
        """Return everything the limits look at, as of now."""
        now, now_ns = time.time(), time.time_ns()
        while self._order_times and self._order_times[0] <= now - 60:
            self._order_times.popleft()
        pending = self._sum_open_orders()
        views = {symbol: self._make_view(symbol, now_ns, *pending[symbol]) for symbol in self.rules}
        return Snapshot(
            control=self.control_file.control,
            control_error=self.control_file.error,
            reconciling=self._find_pending(),
            symbols=views,
            open_orders=self.books.orders.open_count,
            orders_last_minute=len(self._order_times),
            day_result=self.books.positions.compute_day_result(self.market, datetime.now(UTC)).total,
        )

    def submit(self, request: OrderRequest, *, closing: bool = False) -> tuple[str, Denial | None]:
        """Check and count an order and start sending it; returns its id and, when it stays here, why.

        `closing` is the gateway's own order that flattens a position: it is bound by nothing but a halt, as it can
        only lower the risk.
        """
        client_order_id = self._ids.next()
        order = _make_order(client_order_id, request)
        denial = None if closing else find_denial(request, self.make_snapshot()) or self._find_congestion()
        if denial is None:
            try:
                change = self.books.submit(order)
            except JournalError as error:
                denial = Denial("TRADING_HALTED", f"no order is sent that can't be written down: {error}")
            else:
                self._order_times.append(time.time())
                asyncio.get_running_loop().call_soon(self.books.tell, change)
                self._start(self._send(order))
                return client_order_id, None
        order.state, order.end = OrderState.DENIED, OrderState.DENIED
        order.reason = f"{denial.code}: {denial.message}"
        self.books.deny(order)
        return client_order_id, denial

    def cancel(self, client_order_id: str) -> Denial | None:
        """Start cancelling an order; cancels pass whatever the limits say. Returns why there is nothing to cancel."""
        order = self.books.orders.get(client_order_id)
        if order is None:
            return Denial("INVALID_ORDER", f"{client_order_id} is no order of this algorithm")
        if order.is_final:
            return Denial("INVALID_ORDER", f"{client_order_id} is {order.state.value} already")
        if not order.cancel_requested:
            self.books.request_cancel(order)
            self._start(self._send_cancel(order))
        return None

    def cancel_all(self, symbol: str | None = None) -> int:
        """Start cancelling every open order, or those of one symbol; returns how many there are."""
        orders = [order for order in self.books.orders.open() if symbol in (None, order.symbol)]
        for order in orders:
            self.cancel(order.client_order_id)
        return len(orders)

    async def settle(self) -> None:
        """Wait until nothing is being sent or asked any more."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def close(self) -> None:
        """Give up what is still being sent or asked."""
        for task in self._tasks:
            task.cancel()
        self._journal_thread.shutdown(wait=False)

    def _sum_open_orders(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return, by symbol, what open orders may still buy and sell."""
        sums = dict.fromkeys(self.rules, (ZERO, ZERO))
        for order in self.books.orders.open():
            buys, sells = sums[order.symbol]
            is_buy = order.side == "BUY"
            sums[order.symbol] = (buys + order.remaining, sells) if is_buy else (buys, sells + order.remaining)
        return sums

    def _make_view(self, symbol: str, now_ns: int, buys: Decimal, sells: Decimal) -> SymbolView:
        quote = self.market.fresh_quote(symbol, now_ns)
        return SymbolView(
            rules=self.rules[symbol],
            allowed=symbol in self.symbols,
            position=self.books.positions.quantity(symbol),
            open_buys=buys,
            open_sells=sells,
            bid=quote[0] if quote else None,
            ask=quote[1] if quote else None,
            mark=self.market.mark(symbol),
        )

    def _find_pending(self) -> str | None:
        if self.leaving:
            return "the gateway is about to leave"
        if self._readiness is None:
            return "the gateway is starting"
        # Orders and losses that are not known count against no limit: without the past nothing new is sent.
        return self._readiness.pending or self._readiness.past_unknown

    def _find_congestion(self) -> Denial | None:
        if self.books.ledger_full:
            return Denial("TRADING_HALTED", "the ledger can't be reached and its spool is nearly full")
        if len(self._tasks) >= _MAX_IN_FLIGHT:
            return Denial("QUEUE_FULL", f"{_MAX_IN_FLIGHT} requests wait for the exchange's answer")
        wait = self._budget.seconds_until_free(Purpose.ORDER, time.time())
        if wait > 0:
            return Denial(
                "RATE_LIMIT_EXCEEDED", f"the exchange's rate limit is nearly used up; try again in {wait:.0f} s"
            )
        return None

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("an order's task failed; reconciliation takes over", exc_info=error)

    async def _send(self, order: Order) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._journal_thread, self.books.sync_journal)
        except JournalError as error:
            self.books.reject(order, f"it was not sent: {error}")
            return
        if (reason := self._find_change_of_mind(order)) is not None:
            self.books.reject(order, f"it was not sent: {reason}")
            return
        order.sent_time_ns = time.time_ns()
        try:
            answer = await self.api.request("order.place", _make_placement(order))
        except StatusUnknownError as error:
            logger.warning("order %s: %s", order.client_order_id, error.message)
            await self._resolve(order)
        except ExchangeError as error:
            if error.message == _DUPLICATE_ORDER:
                await self._resolve(order)
            else:
                self.books.reject(order, f"{error.message} ({error.code})")
            if error.code == TIMESTAMP_REFUSED:
                await self._rest.measure_clock()
        else:
            self.books.take_report(read_order(answer))

    def _find_change_of_mind(self, order: Order) -> str | None:
        """Return what came up while the order was being written down, which a slow disk can make long."""
        control = self.control_file.control
        if control is None or control.effective_trading is Trading.HALTED:
            return "trading was Halted meanwhile"
        return "it was cancelled meanwhile" if order.cancel_requested else None

    async def _send_cancel(self, order: Order) -> None:
        """Cancel until the order is final; asking twice for the cancel of one id harms nothing."""
        for attempt in range(_CANCEL_ATTEMPTS):
            if order.is_final:
                return
            try:
                await self._cancel_once(order)
            except RateLimitedError as error:
                await asyncio.sleep(error.retry_after_seconds)
            except StatusUnknownError as error:
                logger.warning("cancel of %s: %s", order.client_order_id, error.message)
                await asyncio.sleep(0.5 * 2**attempt)
            except ExchangeError as error:
                # Nothing to cancel: it is closed, or the exchange has not got it yet. The query says which.
                logger.info("cancel of %s: %s", order.client_order_id, error.message)
                await self._resolve(order)
        if not order.is_final:
            self.books.withdraw_cancel(order)

    async def _cancel_once(self, order: Order) -> None:
        await self._budget.wait(Purpose.CANCEL)
        parameters: dict[str, object] = {"symbol": order.symbol, "origClientOrderId": order.client_order_id}
        if self.api.connected:
            answer = await self.api.request("order.cancel", parameters)
        else:
            answer = await self._rest.delete("/api/v3/order", parameters)
        self.books.take_report(read_order(answer))

    async def _resolve(self, order: Order) -> None:
        if self._readiness is not None:
            await self._readiness.resolve(order)


def _make_order(client_order_id: str, request: OrderRequest) -> Order:
    now_ns = time.time_ns()
    needs_time_in_force = request.type in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
    return Order(
        client_order_id=client_order_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        time_in_force=(request.time_in_force or "GTC") if needs_time_in_force else None,
        quantity=request.quantity,
        price=request.price,
        stop_price=request.stop_price,
        created_time_ns=now_ns,
        updated_time_ns=now_ns,
        state=OrderState.SUBMITTED,
    )


def _make_placement(order: Order) -> dict[str, object]:
    """Return the parameters of `order.place`; FULL answers name the executions at once."""
    optional = {
        "timeInForce": order.time_in_force,
        "price": None if order.price is None else f"{order.price:f}",
        "stopPrice": None if order.stop_price is None else f"{order.stop_price:f}",
    }
    return {
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "quantity": f"{order.quantity:f}",
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "FULL",
        **{name: value for name, value in optional.items() if value is not None},
    }
