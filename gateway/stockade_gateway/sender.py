"""The sender: carries what the desk has let through to the exchange, once, and finds out what became of it.

Apart from the desk because nothing here decides: an order comes in counted and written down, and leaves known. Whatever
ends without an answer is asked for by its client order id and never sent again; only a cancel may be.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Protocol

from stockade_gateway.books import Books
from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.exchange.decode import read_amendment, read_order, read_orders
from stockade_gateway.exchange.rest import TIMESTAMP_REFUSED, RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.orders import Order
from stockade_gateway.placement import make_amendment, make_list_placement, make_placement, make_replacement
from stockade_gateway.rate_budget import Purpose, RateBudget

_CANCEL_ATTEMPTS = 5
# One wait for the disk serves all orders of so long.
_SYNC_SECONDS = 0.05
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

    async def resolve_amendment(self, order: Order, quantity: Decimal, sent_time_ns: int) -> bool:
        """Ask until it is known whether the order has that quantity, or is closed; False when neither came about."""


class Sender:
    """Sends new orders in the call that asks for it, all else in a task that ends when its outcome is known."""

    def __init__(self, *, books: Books, api: WebsocketApi, rest: RestClient, budget: RateBudget) -> None:
        self._books = books
        self._api = api
        self._rest = rest
        self._budget = budget
        self._tasks: set[asyncio.Task[None]] = set()
        # Orders that another one is to take the place of, as long as nobody cancels them for good.
        self._replaced: set[str] = set()
        self._sync_timer: asyncio.TimerHandle | None = None
        # The disk's slowness must not stop the market data: waiting for it has a thread of its own.
        self._journal_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        # Started now: an algorithm that forks until the pod is full leaves no room for a thread at the first order.
        self._journal_thread.submit(int)
        self.readiness: Readiness | None = None

    @property
    def in_flight(self) -> int:
        """How many requests wait for the exchange's answer."""
        return len(self._tasks)

    def start_order(self, order: Order) -> None:
        """Send an order."""
        self._place([order], "order.place", make_placement(order))

    def start_list(self, above: Order, below: Order) -> None:
        """Send the two orders of a list."""
        self._place([above, below], "orderList.place.oco", make_list_placement(above, below))

    def start_amendment(self, order: Order, quantity: Decimal) -> None:
        """Start lowering an order's quantity."""
        self._start(self._amend(order, quantity))

    def start_replacement(self, old: Order, new: Order) -> None:
        """Ask for one order's cancel and another one in its stead."""
        self._replaced.add(old.client_order_id)
        self._note_sending([new])
        self._start(self._replace(old, new, self._api.send("order.cancelReplace", make_replacement(old, new))))

    def take_out_of_replacement(self, orders: list[Order]) -> bool:
        """Return whether one of the orders was only being cancelled to be replaced; no longer, from here on."""
        names = {order.client_order_id for order in orders} & self._replaced
        self._replaced -= names
        return bool(names)

    def start_cancel(self, orders: list[Order]) -> None:
        """Start cancelling an order, or the orders of one list."""
        self._start(self._cancel(orders))

    async def settle(self) -> None:
        """Wait until nothing is being sent or asked any more."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def close(self) -> None:
        """Give up what is still being sent or asked."""
        for task in self._tasks:
            task.cancel()
        if self._sync_timer is not None:
            self._sync_timer.cancel()
        self._journal_thread.shutdown(wait=False)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("an order's task failed; reconciliation takes over", exc_info=error)

    def _place(self, orders: list[Order], method: str, parameters: dict[str, object]) -> None:
        """Send now and not in a task: nothing can come up between the decision and the exchange."""
        self._note_sending(orders)
        self._start(self._learn_fate(orders, self._api.send(method, parameters)))

    async def _learn_fate(self, orders: list[Order], sent: Awaitable[Any]) -> None:
        try:
            answer = await sent
        except StatusUnknownError as error:
            logger.warning("order %s: %s", orders[0].client_order_id, error.message)
            await self._resolve(orders)
        except ExchangeError as error:
            await self._take_refusal(orders, error)
        else:
            for report in read_orders(answer):
                self._books.take_report(report)

    async def _amend(self, order: Order, quantity: Decimal) -> None:
        sent_time_ns = time.time_ns()
        try:
            answer = await self._api.send("order.amend.keepPriority", make_amendment(order, quantity))
        except StatusUnknownError as error:
            logger.warning("amendment of %s: %s", order.client_order_id, error.message)
            readiness = self.readiness
            if readiness and not await readiness.resolve_amendment(order, quantity, sent_time_ns):
                self._books.refuse_amendment(order, "it never reached the exchange")
        except ExchangeError as error:
            await self._mend_clock(error)
            self._books.refuse_amendment(order, f"{error.message} ({error.code})")
        else:
            self._books.take_report(read_amendment(answer))

    async def _replace(self, old: Order, new: Order, sent: Awaitable[Any]) -> None:
        try:
            await self._learn_fate_of_both(old, new, sent)
        finally:
            self._replaced.discard(old.client_order_id)

    async def _learn_fate_of_both(self, old: Order, new: Order, sent: Awaitable[Any]) -> None:
        try:
            answer = await sent
        except StatusUnknownError as error:
            logger.warning("order %s in the stead of %s: %s", new.client_order_id, old.client_order_id, error.message)
            # Both are done by one request: once the new order's fate is known, the old one's is decided too.
            await self._resolve([new, old])
            self._books.withdraw_cancel(old)
        except ExchangeError as error:
            await self._take_partial(old, new, error)
        else:
            self._books.take_report(read_order(answer["cancelResponse"]))
            self._books.take_report(read_order(answer["newOrderResponse"]))

    async def _take_partial(self, old: Order, new: Order, error: ExchangeError) -> None:
        """Take in a cancel-replace that failed in one half or both; an answer without halves did neither."""
        halves = error.data
        if halves.get("newOrderResult") == "SUCCESS":
            self._books.take_report(read_order(halves["newOrderResponse"]))
        elif halves.get("newOrderResult") == "FAILURE":
            await self._take_refusal([new], _read_half(error, halves["newOrderResponse"]))
        else:
            await self._take_refusal([new], _read_half(error, halves.get("cancelResponse")))
        if halves.get("cancelResult") == "SUCCESS":
            self._books.take_report(read_order(halves["cancelResponse"]))
        else:
            await self._resolve([old])
            self._books.withdraw_cancel(old)

    def _note_sending(self, orders: list[Order]) -> None:
        self._sync_soon()
        now_ns = time.time_ns()
        for order in orders:
            order.sent_time_ns = now_ns

    def _sync_soon(self) -> None:
        """Have the disk take in what was written, apart from the order's way, which must not wait for a disk.

        What is written survives this process's end at once. Should the whole machine end before the disk has it, the
        next gateway finds the order at the exchange, by its id.
        """
        if self._sync_timer is None:
            self._sync_timer = asyncio.get_running_loop().call_later(_SYNC_SECONDS, self._sync)

    def _sync(self) -> None:
        self._sync_timer = None
        self._journal_thread.submit(self._books.sync_journal)

    async def _take_refusal(self, orders: list[Order], error: ExchangeError) -> None:
        if error.message == _DUPLICATE_ORDER:
            await self._resolve(orders)
        else:
            for order in orders:
                self._books.reject(order, f"{error.message} ({error.code})")
        await self._mend_clock(error)

    async def _mend_clock(self, error: ExchangeError) -> None:
        if error.code == TIMESTAMP_REFUSED:
            await self._rest.measure_clock()

    async def _cancel(self, orders: list[Order]) -> None:
        """Cancel until all are final; asking twice for the cancel of one id harms nothing."""
        for attempt in range(_CANCEL_ATTEMPTS):
            left = [order for order in orders if not order.is_final]
            if not left:
                return
            try:
                await self._cancel_once(left[0])
            except RateLimitedError as error:
                await asyncio.sleep(error.retry_after_seconds)
            except StatusUnknownError as error:
                logger.warning("cancel of %s: %s", left[0].client_order_id, error.message)
                await asyncio.sleep(0.5 * 2**attempt)
            except ExchangeError as error:
                # Nothing to cancel: it is closed, or the exchange has not got it yet. The query says which.
                logger.info("cancel of %s: %s", left[0].client_order_id, error.message)
                await self._resolve(left)
        for order in orders:
            self._books.withdraw_cancel(order)

    async def _cancel_once(self, order: Order) -> None:
        await self._budget.wait(Purpose.CANCEL)
        if order.list_id is None:
            method, path, name, named = "order.cancel", "/api/v3/order", "origClientOrderId", order.client_order_id
        else:
            method, path, name, named = "orderList.cancel", "/api/v3/orderList", "listClientOrderId", order.list_id
        parameters: dict[str, object] = {"symbol": order.symbol, name: named}
        if self._api.connected:
            answer = await self._api.send(method, parameters)
        else:
            answer = await self._rest.delete(path, parameters)
        for report in read_orders(answer):
            self._books.take_report(report)

    async def _resolve(self, orders: list[Order]) -> None:
        for order in orders:
            if self.readiness is not None:
                await self.readiness.resolve(order)


def _read_half(error: ExchangeError, response: Mapping[str, Any] | None) -> ExchangeError:
    """Return why half of a cancel-replace failed, in the exchange's words."""
    if not response or "code" not in response:
        return error
    return ExchangeError(error.status, response["code"], response["msg"])
