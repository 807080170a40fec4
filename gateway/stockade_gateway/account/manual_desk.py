"""Places and cancels manual orders and writes what becomes of them to the ledger.

An order is in the ledger's spool before it is sent, is sent once, and is followed until its end is known: by the
answer, by user events, and by asking wherever either may have been lost.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from stockade_gateway.account import manual_orders
from stockade_gateway.account.errors import RequestError, translate
from stockade_gateway.account.exchange_client import RECV_WINDOW_MS, ExchangeClient
from stockade_gateway.account.manual_orders import ManualOrder, Report
from stockade_gateway.account.share_desk import ShareDesk
from stockade_gateway.control import Trading
from stockade_gateway.errors import ExchangeError, LedgerError, StatusUnknownError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.ledger import FillRow, Ledger
from stockade_gateway.ledger_entries import to_time
from stockade_wire.order_ids import MANUAL_PREFIX, OrderIds, order_number

_LOG = logging.getLogger(__name__)
# A request that did not arrive within recvWindow is refused by the exchange, whenever it arrives; one second more for
# the clocks' difference (Binance, "Timing security").
_NEVER_ARRIVES_SECONDS = RECV_WINDOW_MS / 1000 + 1
_ASK_AGAIN_SECONDS = 1.0
_RECONCILE_SECONDS = 60.0
_LOAD_RETRY_SECONDS = 2.0
_SWITCH_SECONDS = 0.1
# Doubled so often, the pause between two rounds of cancels is some 13 s.
_MOST_DOUBLINGS = 7
_ORDER_DOES_NOT_EXIST = -2013
_NEVER_RECEIVED = "the exchange never received it"
# One a second: the order is found, or can't arrive any more, well before.
_MOST_QUESTIONS = 15


class _NeverReceivedError(ExchangeError):
    """An order did not reach the exchange in time and is refused if it still does."""


class ManualDesk:
    """Every manual order of the account that is not at its end; `run` it."""

    def __init__(
        self,
        account: str,
        exchange: ExchangeClient,
        ledger: Ledger,
        shares: ShareDesk,
        clock: ExchangeClock,
        *,
        read_trading: Callable[[], Trading | None],
        is_killed: Callable[[], bool],
    ) -> None:
        self._account = account
        self._exchange = exchange
        self._ledger = ledger
        self._shares = shares
        self._clock = clock
        self._read_trading = read_trading
        self._is_killed = is_killed
        self._ids: OrderIds | None = None
        self._orders: dict[str, ManualOrder] = {}
        self._doubtful = asyncio.Event()
        self.message: str | None = "manual orders of earlier days have not been read from the ledger yet"

    async def place(
        self,
        *,
        symbol: str,
        side: str,
        type_: str,
        quantity: Decimal,
        price: Decimal | None,
        stop_price: Decimal | None,
        time_in_force: str | None,
    ) -> dict[str, Any]:
        """Place an order and return the exchange's answer.

        Raises RequestError: 409 when the account's switch is against it, 504 STATUS_UNKNOWN when it may be placed.
        """
        manual_orders.refuse_order(self._read_trading(), side)
        if self._ids is None or self._ledger.full:
            raise RequestError(503, "LEDGER_UNAVAILABLE", "Orders can't be recorded: the ledger does not answer.")
        now = datetime.now(UTC)
        order = ManualOrder(self._ids.next(), symbol, side, type_, time_in_force, quantity, price, stop_price, now)
        await self._shares.make_room(order)
        # Making room may have taken a moment; nothing may come between this last look and the counting.
        manual_orders.refuse_order(self._read_trading(), side)
        now = datetime.now(UTC)
        order = replace(order, made_time=now)
        self._orders[order.client_order_id] = order
        self._write(order, now)
        try:
            answer = await self._exchange.place_order(_write_parameters(order))
        except StatusUnknownError:
            answer = await self._find_out(order)
        except ExchangeError as error:
            self._take(order.client_order_id, _refused(str(error)))
            raise translate(error) from error
        except asyncio.CancelledError:
            # The caller went away in the middle: the order may be placed all the same.
            self._doubtful.set()
            raise
        self._take_answer(order, answer)
        return dict(answer)

    async def cancel(self, symbol: str, client_order_id: str) -> dict[str, Any]:
        """Cancel an order, whoever placed it; passes whatever the account's switch says."""
        try:
            answer = await self._exchange.cancel_order(symbol, client_order_id)
        except StatusUnknownError as error:
            answer = await self._ask_after_cancel(symbol, client_order_id, error)
        except ExchangeError as error:
            raise translate(error) from error
        # A cancel's answer has the cancel's own id in `clientOrderId`.
        answer = {**answer, "clientOrderId": client_order_id}
        self._take(client_order_id, manual_orders.read_answer(answer))
        return answer

    async def watch_switch(self) -> None:
        """While the account is Halted, cancel every open manual order until the exchange says that it is closed."""
        failures = 0
        while True:
            await asyncio.sleep(_SWITCH_SECONDS * 2 ** min(failures, _MOST_DOUBLINGS))
            open_orders = list(self._orders.values()) if self._is_killed() else []
            if not open_orders:
                failures = 0
                continue
            _LOG.error("the account is Halted: cancelling %d manual orders", len(open_orders))
            for order in open_orders:
                try:
                    await self.cancel(order.symbol, order.client_order_id)
                except RequestError as error:
                    # Closed already, not there yet, or nobody knows: the question that follows says which.
                    _LOG.warning("manual order %s can't be cancelled: %s", order.client_order_id, error.message)
                    self._doubtful.set()
            failures += 1

    def take_event(self, event: dict[str, Any]) -> None:
        """Take in an `executionReport` of the account; those of other orders are none of ours."""
        client_order_id = manual_orders.client_order_id_of_event(event)
        order = self._orders.get(client_order_id)
        if order is None:
            return
        fill = manual_orders.read_fill_of_event(order, self._account, event)
        if fill is not None:
            self._take_fill(fill)
        self._take(client_order_id, manual_orders.read_event(event))

    def list_open(self) -> list[ManualOrder]:
        """Return the orders that are not at their end."""
        return list(self._orders.values())

    def note_gap(self) -> None:
        """Ask for every order soon: events may have been missed."""
        self._doubtful.set()

    async def run(self) -> None:
        """Read the open orders from the ledger, then follow them until cancelled."""
        await self._load()
        while True:
            self._doubtful.clear()
            await self._reconcile()
            try:
                await asyncio.wait_for(self._doubtful.wait(), _RECONCILE_SECONDS)
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
            except TimeoutError:
                continue

    async def _load(self) -> None:
        """Wait for the ledger; orders are refused until it was read, since a row's number must never come twice."""
        while True:
            try:
                rows = await asyncio.to_thread(lambda: self._ledger.load_orders(prefix=MANUAL_PREFIX))
                fills = await asyncio.to_thread(lambda: list(self._ledger.load_fills(prefix=MANUAL_PREFIX)))
            except LedgerError as error:
                self.message = str(error)
                await asyncio.sleep(_LOAD_RETRY_SECONDS)
            else:
                break
        for fill in fills:
            if fill.account == self._account:
                self._shares.manual.take_fill(fill)
        self._shares.manual.is_whole = True
        own = [manual_orders.restore_order(row) for row in rows if row.account == self._account]
        self._orders = {order.client_order_id: order for order in own if not order.final}
        numbers = [order_number(MANUAL_PREFIX, row.client_order_id) or 0 for row in rows]
        self._ids = OrderIds(MANUAL_PREFIX, time.time_ns() // 1_000_000, max(numbers, default=-1))
        self.message = None

    async def _reconcile(self) -> None:
        """Ask the exchange for each order that is not at its end, and for its trades."""
        for order in list(self._orders.values()):
            try:
                await self._ask_for(order)
            except StatusUnknownError as error:
                _LOG.warning("manual order %s can't be asked for: %s", order.client_order_id, error)
                self._doubtful.set()
                return
            except ExchangeError as error:
                _LOG.warning("manual order %s can't be asked for: %s", order.client_order_id, error)

    async def _ask_for(self, order: ManualOrder) -> dict[str, Any] | None:
        """Take in what the exchange knows of an order; None when it does not know it (yet).

        Raises _NeverReceivedError once it can't arrive any more.
        """
        try:
            answer = await self._exchange.get_order(order.symbol, order.client_order_id)
        except ExchangeError as error:
            if error.code != _ORDER_DOES_NOT_EXIST:
                raise
            newest = self._orders.get(order.client_order_id)
            # An order of which an event told is there, however late the exchange's own queries learn of it.
            if newest is None or newest.state != "SUBMITTED" or _age_seconds(order) <= _NEVER_ARRIVES_SECONDS:
                return None
            self._take(order.client_order_id, _refused(_NEVER_RECEIVED))
            raise _NeverReceivedError(0, _ORDER_DOES_NOT_EXIST, _NEVER_RECEIVED) from error
        if Decimal(answer["executedQty"]) > self._shares.manual.count_filled(order.client_order_id):
            for trade in await self._exchange.get_trades_of_order(order.symbol, 1000, answer["orderId"]):
                self._take_fill(manual_orders.read_trade(order, self._account, trade))
        self._take(order.client_order_id, manual_orders.read_answer(answer))
        return dict(answer)

    async def _find_out(self, order: ManualOrder) -> dict[str, Any]:
        """Ask for an order whose answer did not come until it is found or can't arrive any more.

        Ends by itself some seconds after the order was sent; when even the questions fail, the rest is `run`'s.
        """
        for _ in range(_MOST_QUESTIONS):
            try:
                answer = await self._ask_for(order)
            except _NeverReceivedError as error:
                raise RequestError(
                    502, "EXCHANGE_UNREACHABLE", f"The order was not placed: {error.message}."
                ) from error
            except StatusUnknownError:
                break
            except ExchangeError as error:
                _LOG.warning("manual order %s can't be asked for: %s", order.client_order_id, error)
                break
            if answer is not None:
                return answer
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        self._doubtful.set()
        raise _unknown(order.client_order_id, "placed")

    async def _ask_after_cancel(self, symbol: str, client_order_id: str, error: StatusUnknownError) -> dict[str, Any]:
        """Return the order when it is canceled after all; raise that nobody knows otherwise."""
        self._doubtful.set()
        try:
            answer = await self._exchange.get_order(symbol, client_order_id)
        except ExchangeError:
            raise _unknown(client_order_id, "canceled") from error
        if answer["status"] != "CANCELED":
            raise _unknown(client_order_id, "canceled") from error
        return dict(answer)

    def _take_answer(self, order: ManualOrder, answer: dict[str, Any]) -> None:
        for fill in manual_orders.read_fills_of_answer(order, self._account, answer):
            self._take_fill(fill)
        if "status" in answer:
            self._take(order.client_order_id, manual_orders.read_answer(answer))

    def _take(self, client_order_id: str, report: Report) -> None:
        """Move an order on and write the step; nothing happens when it is old news or not ours.

        An end is believed once every fill before it is counted; until then the order is open and asked for.
        """
        order = self._orders.get(client_order_id)
        moved = None if order is None else manual_orders.advance(order, report)
        if moved is None:
            return
        if moved.final and self._shares.manual.count_filled(client_order_id) < moved.filled_quantity:
            self._doubtful.set()
            return
        self._write(moved, report.time, report.reason)
        if moved.final:
            del self._orders[client_order_id]
        else:
            self._orders[client_order_id] = moved

    def _take_fill(self, fill: FillRow) -> None:
        self._ledger.record_fill(msgspec.structs.replace(fill, received_time=self._read_clock()))
        self._shares.manual.take_fill(fill)

    def _write(self, order: ManualOrder, time_: datetime, reason: str | None = None) -> None:
        received = self._read_clock()
        self._ledger.record_order_event(manual_orders.make_event_row(order, self._account, time_, received, reason))

    def _read_clock(self) -> datetime:
        """Return this gateway's time, set right by what it differs from the exchange's."""
        return to_time(self._clock.correct_ns(time.time_ns()))


def _write_parameters(order: ManualOrder) -> dict[str, str]:
    """Return the order as the exchange's parameters; numbers are plain, without exponents."""
    given = {
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "quantity": f"{order.quantity:f}",
        "price": None if order.price is None else f"{order.price:f}",
        "stopPrice": None if order.stop_price is None else f"{order.stop_price:f}",
        "timeInForce": order.time_in_force,
        "newClientOrderId": order.client_order_id,
    }
    return {name: value for name, value in given.items() if value is not None}


def _refused(reason: str) -> Report:
    return Report("REJECTED", Decimal(0), Decimal(0), None, datetime.now(UTC), reason)


def _age_seconds(order: ManualOrder) -> float:
    return (datetime.now(UTC) - order.made_time).total_seconds()


def _unknown(client_order_id: str, what: str) -> RequestError:
    message = (
        f"Whether order {client_order_id} was {what} is unknown: the exchange did not answer. "
        "It is being asked for; look at the open orders before you try again."
    )
    return RequestError(504, "STATUS_UNKNOWN", message)
