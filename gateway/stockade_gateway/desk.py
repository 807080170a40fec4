"""The desk: checks what the algorithm asks and counts it in the same step, before anything is sent.

The checks are `limits.py`'s, the state machine is `orders.py`'s and sending is `sender.py`'s; what is here is the order
of things: reserve, write down, send.
"""

import math
import time
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from stockade_gateway.account_share import ShareKeeper, Use
from stockade_gateway.books import Books
from stockade_gateway.control import ControlFile, Trading
from stockade_gateway.errors import JournalError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.filters import (
    ZERO,
    InstrumentRules,
    ListRequest,
    OrderRequest,
    find_filter_fault,
    find_list_fault,
)
from stockade_gateway.held_lease import Share
from stockade_gateway.limits import Denial, Snapshot, SymbolView, compute_exposure, find_denial
from stockade_gateway.market import Market
from stockade_gateway.orders import Order, OrderState
from stockade_gateway.rate_budget import Purpose, RateBudget
from stockade_gateway.sender import Readiness, Sender
from stockade_wire.order_ids import OrderIds

# Orders and cancels waiting for the exchange; beyond it the desk takes no more orders.
_MAX_IN_FLIGHT = 200
_MINUTE_NS = 60_000_000_000
# Of the exchange's order limit per account (Binance, "Unfilled order count").
_ORDER_WINDOW_NS = 10_000_000_000


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
        share: ShareKeeper | None = None,
    ) -> None:
        self.books = books
        self.rules = rules
        self.symbols = symbols
        self.market = market
        self.control_file = control_file
        self.api = api
        self._ids = ids
        self._budget = budget
        self._share = share
        self._sender = Sender(books=books, api=api, rest=rest, budget=budget)
        self.leaving = False

    def set_readiness(self, readiness: Readiness) -> None:
        """Tell the desk whom to ask whether orders may be accepted."""
        self._sender.readiness = readiness

    def make_snapshot(self, ordered: str | None = None) -> Snapshot:
        """Return everything the limits look at, as of now.

        Of the symbols those in which something is held or open, and the one that is ordered: the others add nothing.
        """
        now_ns = time.time_ns()
        sums = self.books.orders.sum_open()
        wanted = {*self.books.positions.symbols(), *sums, ordered}
        views = {
            symbol: self._make_view(symbol, now_ns, *sums.get(symbol, (ZERO, ZERO)))
            for symbol in self.rules
            if symbol in wanted
        }
        return Snapshot(
            control=self.control_file.control,
            control_error=self.control_file.error,
            reconciling=self._find_pending(),
            symbols=views,
            open_orders=self.books.orders.open_count,
            orders_last_minute=self.books.orders.count_created_since(now_ns - _MINUTE_NS),
            day_result=self.books.positions.compute_day_result(self.market, datetime.now(UTC)).total,
            share=self._judge_share(),
            orders_last_ten_seconds=self.books.orders.count_newest(now_ns - _ORDER_WINDOW_NS),
        )

    def make_use(self) -> Use | None:
        """Return what the algorithm uses of the account's limits, None while that is not known."""
        if self._find_pending() is not None and not self.leaving:
            return None
        snapshot = self.make_snapshot()
        return Use(
            exposure=compute_exposure(snapshot.symbols),
            day_result=snapshot.day_result,
            day=datetime.now(UTC).date().isoformat(),
            orders=snapshot.orders_last_ten_seconds,
        )

    def submit(self, request: OrderRequest, *, closing: bool = False) -> tuple[str, Denial | None]:
        """Check and count an order and start sending it; returns its id and, when it stays here, why.

        `closing` is the gateway's own order that flattens a position: it is bound by nothing but a halt, as it can
        only lower the risk.
        """
        order = _make_order(self._ids.next(), request)
        denial = self._find_halt() if closing else self._find_denial(request)
        if denial is None and (denial := self._write_down([order])) is None:
            self._sender.start_order(order)
            self.books.enter(order)
        else:
            self._deny([order], denial)
        return order.client_order_id, denial

    def submit_list(self, request: ListRequest) -> tuple[str, tuple[str, str], Denial | None]:
        """Check and count an OCO and start sending it; returns its id, those of its orders, and why it stays here.

        Only one of the two can fill: each is checked as if it were alone, but both count as open orders.
        """
        list_id = self._ids.next()
        above, below = (_make_order(self._ids.next(), leg, list_id) for leg in (request.above, request.below))
        fault = find_list_fault(request)
        snapshot = self.make_snapshot(request.above.symbol)
        second = msgspec.structs.replace(
            snapshot,
            open_orders=snapshot.open_orders + 1,
            orders_last_minute=snapshot.orders_last_minute + 1,
            orders_last_ten_seconds=snapshot.orders_last_ten_seconds + 1,
        )
        denial = (
            (Denial("INVALID_ORDER", fault) if fault else None)
            or find_denial(request.above, snapshot)
            or find_denial(request.below, second)
            or self._find_congestion()
            or self._write_down([above, below])
        )
        if denial is None:
            self._sender.start_list(above, below)
            self.books.enter(above, below)
        else:
            self._deny([above, below], denial)
        return list_id, (above.client_order_id, below.client_order_id), denial

    def amend(self, client_order_id: str, quantity: Decimal) -> Denial | None:
        """Start lowering an order's quantity in place; returns why not. Until it is done the old quantity counts."""
        found = self._find_changeable(client_order_id)
        if isinstance(found, Denial):
            return found
        if not found.filled_quantity < quantity < found.quantity:
            return Denial(
                "INVALID_ORDER",
                f"the new quantity has to be below {found.quantity} and above the {found.filled_quantity} filled",
            )
        smaller = msgspec.structs.replace(_make_request(found), quantity=quantity)
        if fault := find_filter_fault(smaller, self.rules[found.symbol], self.market.mark(found.symbol)):
            return Denial("FILTER_VIOLATED", fault)
        if denial := self._find_congestion():
            return denial
        self._sender.start_amendment(found, quantity)
        return None

    def replace(self, client_order_id: str, request: OrderRequest) -> tuple[str | None, Denial | None]:
        """Start cancelling an order and placing another; returns the new one's id and, when nothing is done, why.

        Until the exchange has answered both count. The request's symbol and side are the old order's.
        """
        found = self._find_changeable(client_order_id)
        if isinstance(found, Denial):
            return None, found
        request = msgspec.structs.replace(request, symbol=found.symbol, side=found.side)
        order = _make_order(self._ids.next(), request)
        denial = self._find_denial(request) or self._write_down([order])
        if denial is None:
            self._sender.start_replacement(found, order)
            self.books.enter(order)
            self.books.request_cancel(found)
        else:
            self._deny([order], denial)
        return order.client_order_id, denial

    def cancel(self, client_order_id: str) -> Denial | None:
        """Start cancelling an order, or a list by its id or that of one of its orders; returns why there is nothing to.

        Cancels pass whatever the limits say.
        """
        order = self.books.orders.get(client_order_id)
        list_id = order.list_id if order else client_order_id
        orders = [order] if order and list_id is None else self.books.orders.legs(list_id or "")
        if not orders:
            return Denial("INVALID_ORDER", f"{client_order_id} is no order of this algorithm")
        left = [order for order in orders if not order.is_final]
        if not left:
            return Denial("INVALID_ORDER", f"{client_order_id} is {orders[0].state.value} already")
        # A replacement that fails would leave its old order: who cancels that one means it.
        is_under_way = all(order.cancel_requested for order in left)
        if not is_under_way or self._sender.take_out_of_replacement(left):
            for order in left:
                self.books.request_cancel(order)
            self._sender.start_cancel(left)
        return None

    def cancel_all(self, symbol: str | None = None) -> int:
        """Start cancelling every open order, or those of one symbol; returns how many there are."""
        orders = [order for order in self.books.orders.open() if symbol in (None, order.symbol)]
        for order in orders:
            self.cancel(order.client_order_id)
        return len(orders)

    async def settle(self) -> None:
        """Wait until nothing is being sent or asked any more."""
        await self._sender.settle()

    def close(self) -> None:
        """Give up what is still being sent or asked."""
        self._sender.close()

    def _write_down(self, orders: list[Order]) -> Denial | None:
        """Write new orders down and count them, all or none; returns why that can't be done."""
        try:
            self.books.submit(*orders)
        except JournalError as error:
            return Denial("TRADING_HALTED", f"no order is sent that can't be written down: {error}")
        return None

    def _deny(self, orders: list[Order], denial: Denial) -> None:
        if denial.wants_share and self._share is not None:
            self._share.note_want(denial.wanted_exposure)
        for order in orders:
            order.state, order.end = OrderState.DENIED, OrderState.DENIED
            order.reason = f"{denial.code}: {denial.message}"
            self.books.deny(order)

    def _find_changeable(self, client_order_id: str) -> Order | Denial:
        """Return an order that may be amended or replaced now, or why it may not."""
        order = self.books.orders.get(client_order_id)
        if order is None:
            return Denial("INVALID_ORDER", f"{client_order_id} is no order of this algorithm")
        if (reason := _find_unchangeable(order)) is not None:
            return Denial("INVALID_ORDER", f"{client_order_id} {reason}")
        if (pending := self._find_pending()) is not None:
            return Denial("RECONCILING", pending)
        return self._find_halt() or order

    def _find_halt(self) -> Denial | None:
        control = self.control_file.control
        if control is None:
            return Denial("CONTROL_UNREADABLE", self.control_file.error or "the control can't be read")
        if control.effective_trading is Trading.HALTED:
            return Denial("TRADING_HALTED", "trading is Halted: only cancels pass")
        return None

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

    def _judge_share(self) -> Share | None:
        control = self.control_file.control
        return None if self._share is None or control is None else self._share.judge(control.account.limits)

    def _find_pending(self) -> str | None:
        if self.leaving:
            return "the gateway is about to leave"
        readiness = self._sender.readiness
        if readiness is None:
            return "the gateway is starting"
        # Orders and losses that are not known count against no limit: without the past nothing new is sent.
        return readiness.pending or readiness.past_unknown

    def _find_denial(self, request: OrderRequest) -> Denial | None:
        return find_denial(request, self.make_snapshot(request.symbol)) or self._find_congestion()

    def _find_congestion(self) -> Denial | None:
        if self.books.ledger_full:
            return Denial("TRADING_HALTED", "the ledger can't be reached and its spool is nearly full")
        if self._sender.in_flight >= _MAX_IN_FLIGHT:
            return Denial("QUEUE_FULL", f"{_MAX_IN_FLIGHT} requests wait for the exchange's answer")
        wait = self._budget.seconds_until_free(Purpose.ORDER, time.time())
        if wait > 0:
            # Rounded up: who tries again after the seconds named is let in.
            return Denial(
                "RATE_LIMIT_EXCEEDED", f"the exchange's rate limit is nearly used up; try again in {math.ceil(wait)} s"
            )
        return None


def _find_unchangeable(order: Order) -> str | None:
    if order.is_final or order.cancel_requested:
        return f"is {order.state.value} already"
    if order.list_id is not None:
        return "belongs to a list: cancel the list and place a new one"
    return None if order.acknowledged else "is not at the exchange yet: wait for on_order_accepted"


def _make_order(client_order_id: str, request: OrderRequest, list_id: str | None = None) -> Order:
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
        trailing_delta=request.trailing_delta,
        list_id=list_id,
        created_time_ns=now_ns,
        updated_time_ns=now_ns,
        state=OrderState.SUBMITTED,
    )


def _make_request(order: Order) -> OrderRequest:
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
        trailing_delta=order.trailing_delta,
    )
