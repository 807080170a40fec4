"""Order lists (OCO, OTO, OTOCO): which order of a list lives or dies when another one does."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stockade_paper.amounts import ZERO, round_down
from stockade_paper.errors import BinanceError, engine_filter_failure
from stockade_paper.orders import Order
from stockade_paper.turn import Turn

if TYPE_CHECKING:
    from stockade_paper.exchange import Exchange


@dataclass
class OrderList:
    """One list; `working` is the first order of an OTO or OTOCO, `pair` the two that exclude each other.

    With `sells_the_bought` (OPO) the pending orders sell what the working one bought, less its fees.
    """

    list_id: int
    account_id: int
    symbol: str
    client_id: str
    contingency: str
    orders: list[Order]
    created_ms: int
    working: Order | None = None
    pair: tuple[Order, Order] | None = None
    pending: tuple[Order, ...] = ()
    is_done: bool = False
    sells_the_bought: bool = False

    def refer_to(self, orders: Mapping[int, Order]) -> None:
        """Point at these versions of its orders, after they were read from disk."""
        self.orders = [orders[order.order_id] for order in self.orders]
        self.pending = tuple(orders[order.order_id] for order in self.pending)
        if self.working is not None:
            self.working = orders[self.working.order_id]
        if self.pair is not None:
            self.pair = (orders[self.pair[0].order_id], orders[self.pair[1].order_id])

    def describe(self, status_type: str, time_ms: int) -> dict[str, Any]:
        """Write it as the REST and WebSocket APIs do."""
        return self.describe_briefly() | {"listStatusType": status_type, "transactionTime": time_ms}

    def describe_briefly(self) -> dict[str, Any]:
        """Write it as the answer to an amended order does."""
        return {
            "orderListId": self.list_id,
            "contingencyType": self.contingency,
            "listOrderStatus": "ALL_DONE" if self.is_done else "EXECUTING",
            "listClientOrderId": self.client_id,
            "symbol": self.symbol,
            "orders": [
                {"symbol": order.symbol, "orderId": order.order_id, "clientOrderId": order.client_order_id}
                for order in self.orders
            ],
        }


class OrderLists:
    """All lists of the exchange and the rules between their orders."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self.by_id: dict[int, OrderList] = {}
        self._to_release: list[OrderList] = []
        self._ids = itertools.count(1)

    def place(self, order_list: OrderList) -> OrderList:
        """Take a list as a whole; raises BinanceError when one of its orders is refused, then none is placed."""
        exchange = self._exchange
        for order in order_list.orders:
            exchange.check_form(order)
        self._check_count(order_list)
        for order in (order_list.working,) if order_list.working is not None else order_list.orders:
            exchange.check_means(order)
        turn = exchange.begin()
        order_list.list_id = next(self._ids)
        self.by_id[order_list.list_id] = order_list
        for order in order_list.orders:
            order.order_list_id = order_list.list_id
        self._report(order_list, turn, "EXEC_STARTED")
        if order_list.pair is not None and order_list.working is None:
            self._accept_pair(order_list, turn)
        else:
            for order in order_list.pending:
                exchange.accept(order, turn, status="PENDING_NEW")
            if order_list.working is not None:
                exchange.accept(order_list.working, turn)
                self.after_close(order_list.working, turn, order_list.client_id)
        exchange.commit(turn)
        return order_list

    def before_fill(self, order: Order, turn: Turn) -> None:
        """Let the partner in an OCO expire and the lock pass over: this order is about to trade or has fired."""
        partner = self._partner(order)
        if partner is None or not partner.is_open:
            return
        matcher = self._exchange.matchers[order.symbol]
        matcher.close(partner, "EXPIRED", turn, reason="OCO_TRIGGER")
        order.shares_lock = False
        matcher.relock(order, turn)

    def after_fill(self, order: Order, turn: Turn) -> None:
        """Let the pending orders live once the working one is filled completely."""
        order_list = self.by_id.get(order.order_list_id)
        if order_list is None:
            return
        if order is order_list.working and order.status == "FILLED":
            self._to_release.append(order_list)
        else:
            self._finish(order_list, turn)

    def release_pending(self, turn: Turn) -> None:
        """Start the pending orders of every list whose working order was filled in this step.

        Not at once at the fill: the taker behind it may still be walking the book.
        """
        while self._to_release:
            self._release(self._to_release.pop(0), turn)

    def after_close(self, order: Order, turn: Turn, cancel_client_order_id: str) -> None:
        """End the rest of a list when one of its orders ended without filling completely."""
        order_list = self.by_id.get(order.order_list_id)
        if order_list is None or order.is_open or order.status == "FILLED":
            return
        matcher = self._exchange.matchers[order.symbol]
        for other in order_list.orders:
            if other is not order and other.is_open:
                if order.status == "CANCELED":
                    matcher.close(other, "CANCELED", turn, cancel_id=cancel_client_order_id)
                else:
                    matcher.close(other, "EXPIRED", turn, reason="OTO_PHASE_ONE_EXPIRED")
        self._finish(order_list, turn)

    def forget(self, order: Order) -> None:
        """Forget the list of an order that is not kept any longer."""
        order_list = self.by_id.get(order.order_list_id)
        if order_list is not None and order_list.is_done:
            del self.by_id[order_list.list_id]

    def continue_ids(self) -> None:
        """Continue the numbers of lists after those that were read from disk."""
        self._ids = itertools.count(max(self.by_id, default=0) + 1)

    def find(self, account_id: int, list_id: int | None, client_id: str | None) -> OrderList:
        """Look an account's list up; raises BinanceError -2018 when there is none."""
        for order_list in self.by_id.values():
            is_wanted = order_list.list_id == list_id if list_id is not None else order_list.client_id == client_id
            if order_list.account_id == account_id and is_wanted:
                return order_list
        raise BinanceError(-2018, "Order list does not exist.")

    def of_account(self, account_id: int) -> list[OrderList]:
        """List an account's lists, oldest first."""
        return [order_list for order_list in self.by_id.values() if order_list.account_id == account_id]

    def _check_count(self, order_list: OrderList) -> None:
        """MAX_NUM_ORDER_LISTS of the account on this symbol; raises BinanceError -2010."""
        own = (each for each in self.of_account(order_list.account_id) if each.symbol == order_list.symbol)
        most = self._exchange.market(order_list.symbol).instrument.max_order_lists
        if sum(not each.is_done for each in own) >= most:
            raise engine_filter_failure("MAX_NUM_ORDER_LISTS")

    def _partner(self, order: Order) -> Order | None:
        order_list = self.by_id.get(order.order_list_id)
        if order_list is None or order_list.pair is None or order not in order_list.pair:
            return None
        first, second = order_list.pair
        return second if order is first else first

    def _accept_pair(self, order_list: OrderList, turn: Turn) -> None:
        """Both legs go live; only the dearer one locks money, for only one of them can ever trade."""
        share_lock(order_list)
        for order in order_list.orders:
            self._exchange.accept(order, turn)

    def _release(self, order_list: OrderList, turn: Turn) -> None:
        exchange = self._exchange
        if order_list.sells_the_bought:
            self._set_bought(order_list)
        share_lock(order_list)
        for order in order_list.pending:
            order.status = "NEW"
            if order.quantity == 0:
                exchange.matchers[order.symbol].close(order, "EXPIRED", turn, reason="REJECTED")
                continue
            try:
                exchange.matchers[order.symbol].relock(order, turn)
            except BinanceError:
                exchange.matchers[order.symbol].close(order, "EXPIRED", turn, reason="REJECTED")
                continue
            if not order.waits_for_trigger:
                order.is_working = True
                order.working_ms = turn.time_ms
            turn.report(order, "NEW")
            exchange.work(order, turn)

    def _set_bought(self, order_list: OrderList) -> None:
        """Let the pending orders sell what the working one bought, less the fees taken from it, in whole steps."""
        working = order_list.working
        if working is None:
            return
        instrument = self._exchange.markets[order_list.symbol].instrument
        fees = (fill.commission for fill in working.fills if fill.commission_asset == instrument.base)
        bought = round_down(working.executed - sum(fees, ZERO), instrument.step_size)
        for order in order_list.pending:
            order.quantity = bought

    def _finish(self, order_list: OrderList, turn: Turn) -> None:
        if not order_list.is_done and not any(order.is_open for order in order_list.orders):
            order_list.is_done = True
            self._report(order_list, turn, "ALL_DONE")

    def _report(self, order_list: OrderList, turn: Turn, status_type: str) -> None:
        event = {
            "e": "listStatus",
            "E": turn.time_ms,
            "s": order_list.symbol,
            "g": order_list.list_id,
            "c": order_list.contingency,
            "l": status_type,
            "L": "ALL_DONE" if order_list.is_done else "EXECUTING",
            "r": "NONE",
            "C": order_list.client_id,
            "T": turn.time_ms,
            "O": [{"s": order.symbol, "i": order.order_id, "c": order.client_order_id} for order in order_list.orders],
        }
        turn.add_event(order_list.account_id, event)


def share_lock(order_list: OrderList) -> None:
    """Let the dearer leg of a pair hold the money for both."""
    if order_list.pair is not None:
        cheaper = min(order_list.pair, key=lambda leg: leg.price or leg.stop_price or ZERO)
        cheaper.shares_lock = True
