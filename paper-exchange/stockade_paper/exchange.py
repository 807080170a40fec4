"""The exchange: takes orders and cancels, lets the market reach the waiting ones, commits each step as a whole."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Protocol

from stockade_paper.accounts import Account, Accounts
from stockade_paper.amounts import ZERO, format_amount
from stockade_paper.book import opposite, reaches
from stockade_paper.errors import BinanceError, insufficient_balance, invalid_symbol, rejected, unknown_order
from stockade_paper.fees import FeeSchedule
from stockade_paper.filters import check_counts, check_order, check_position
from stockade_paper.market import Market
from stockade_paper.market_events import BookChange, MarketEvent, apply_book_change
from stockade_paper.matching import Matcher, lock_needed
from stockade_paper.order_lists import OrderLists
from stockade_paper.orders import Fill, Order
from stockade_paper.prevention import PreventedMatch
from stockade_paper.triggers import update_trigger, would_trigger_immediately
from stockade_paper.turn import Turn
from stockade_paper.user_events import report_balance, report_position

KEPT_CLOSED_ORDERS = 50_000
KEPT_FILLS = 100_000


class TurnSink(Protocol):
    """Whoever must know of each committed step: user event subscribers, the state on disk."""

    def __call__(self, turn: Turn) -> None:
        """Take one committed step; its orders and balances are still as they were at the commit."""


class Exchange:
    """All markets, accounts and orders of one paper exchange. Single-threaded: each public verb is one whole step."""

    def __init__(
        self,
        markets: Iterable[Market],
        fees: FeeSchedule,
        clock: Callable[[], int],
        *,
        first_order_id: int = 1,
        first_execution_id: int = 1,
    ) -> None:
        self.accounts = Accounts()
        self.markets = {market.instrument.symbol: market for market in markets}
        self.orders: dict[int, Order] = {}
        self.fills: deque[Fill] = deque(maxlen=KEPT_FILLS)
        self.prevented: deque[PreventedMatch] = deque(maxlen=KEPT_FILLS)
        self._closed: deque[Order] = deque()
        self.fees = fees
        self.clock = clock
        self.sinks: list[TurnSink] = []
        self.order_ids = itertools.count(first_order_id)
        self.execution_ids = itertools.count(first_execution_id)
        self.open_orders: dict[int, Order] = {}
        self._open_of: dict[tuple[int, str], dict[int, Order]] = {}  # By account and symbol.
        self._stops: dict[str, dict[int, Order]] = {}  # Those that wait for their trigger, by symbol.
        self._by_client_id: dict[tuple[int, str, str], Order] = {}
        self.lists = OrderLists(self)
        self.matchers = {
            symbol: Matcher(
                market,
                self.accounts,
                fees,
                bnb_price=self._bnb_price,
                before_fill=self.lists.before_fill,
                after_fill=self.lists.after_fill,
            )
            for symbol, market in self.markets.items()
        }

    def market(self, symbol: str) -> Market:
        """Return a market; raises BinanceError -1121 for an unknown symbol."""
        if symbol not in self.markets:
            raise invalid_symbol()
        return self.markets[symbol]

    def begin(self) -> Turn:
        """Start a step."""
        return Turn(self.clock(), self.execution_ids)

    def commit(self, turn: Turn) -> None:
        """End a step: fire stops, add the balance events, tell everybody."""
        self.lists.release_pending(turn)
        for market in self.markets.values():
            self._fire_stops(market, turn)
            self.lists.release_pending(turn)
        self._sort_stops(turn)
        for account_id, assets in turn.touched.items():
            account = self.accounts.by_id[account_id]
            turn.add_event(account_id, report_position(account, sorted(assets), turn.time_ms))
        for order in turn.orders.values():
            if not order.is_open and self.open_orders.pop(order.order_id, None) is not None:
                del self._open_of[order.account_id, order.symbol][order.order_id]
                self._archive(order)
        self.fills.extend(turn.fills)
        self.prevented.extend(turn.prevented)
        for market in self.markets.values():
            market.publish_aggregates()
            market.publish_quote()
        if turn.events or turn.orders:
            for sink in self.sinks:
                sink(turn)

    def place(self, order: Order) -> Order:
        """Take a new order and match it.

        Raises BinanceError when it is refused; then nothing has changed.
        """
        turn = self.begin()
        self.check(order)
        self.accept(order, turn)
        self.commit(turn)
        return order

    def check(self, order: Order) -> None:
        """Check everything that can refuse an order before it has an id; changes nothing."""
        self.check_form(order)
        self.check_means(order)

    def check_form(self, order: Order) -> None:
        """Check market status, filters, a duplicate id and counts; raises BinanceError."""
        market = self.market(order.symbol)
        if market.status != "TRADING":
            raise rejected("Market is closed.")
        instrument = market.instrument
        check_order(order, instrument, market.average_price(self.clock(), instrument.average_price_minutes))
        if self.find_open(order.account_id, order.symbol, order.client_order_id) is not None:
            raise rejected("Duplicate order sent.")
        own = self._open_of.get((order.account_id, order.symbol), {}).values()
        check_counts(order, instrument, own)
        if instrument.max_position is not None:
            check_position(order, instrument, self.accounts.by_id[order.account_id].balance(instrument.base), own)

    def check_means(self, order: Order) -> None:
        """Check that an order may go live now: it neither takes nor triggers against its type, and can be paid."""
        self._check_triggers(order, self.market(order.symbol))
        self._check_funds(order, self.accounts.by_id[order.account_id])

    def accept(self, order: Order, turn: Turn, *, status: str = "NEW") -> None:
        """Give a checked order its id, report it and let it work (or wait, when it is a stop or pending)."""
        order.order_id = next(self.order_ids)
        order.status = status
        order.created_ms = turn.time_ms
        self.orders[order.order_id] = order
        self._list_open(order)
        self._by_client_id[(order.account_id, order.symbol, order.client_order_id)] = order
        if status == "NEW" and not order.waits_for_trigger:
            self._start_working(order, turn)
        turn.report(order, "NEW")
        if status == "NEW":
            self.work(order, turn)

    def work(self, order: Order, turn: Turn) -> None:
        """Let an accepted order wait for its trigger, or match it and rest or close what remains."""
        matcher = self.matchers[order.symbol]
        if order.waits_for_trigger:
            if order.trailing_delta is not None and self.markets[order.symbol].last_price is not None:
                update_trigger(order, self.markets[order.symbol].last_price or ZERO, turn.time_ms)
            matcher.relock(order, turn)
            return
        matcher.relock(order, turn)
        plan = matcher.plan(order)
        if order.type == "MARKET" and order.quantity == 0:
            order.quantity = plan.quantity
        if order.time_in_force == "FOK" and plan.quantity < order.quantity:
            matcher.close(order, "EXPIRED", turn, reason="UNFILLED_FOK_ORDER_EXPIRED")
            return
        matcher.take(order, plan, turn)
        if not order.is_open:
            return
        if not order.price:
            matcher.close(order, "EXPIRED", turn, reason="INSUFFICIENT_LIQUIDITY")
        elif order.time_in_force in {"IOC", "FOK"}:
            matcher.close(order, "EXPIRED", turn, reason="UNFILLED_IOC_QUANTITY_EXPIRED")
        else:
            self.markets[order.symbol].book.add(order)

    def cancel(self, order: Order, cancel_client_order_id: str) -> None:
        """Cancel an open order, and with it the list it belongs to.

        Raises BinanceError -2011 when it is not open.
        """
        if not order.is_open:
            raise unknown_order()
        turn = self.begin()
        self.matchers[order.symbol].close(order, "CANCELED", turn, cancel_id=cancel_client_order_id)
        self.lists.after_close(order, turn, cancel_client_order_id)
        self.commit(turn)

    def expire(self, order: Order, reason: str = "EXCHANGE_CANCELED") -> None:
        """End an order from the exchange's side, as maintenance or a delisting does."""
        if not order.is_open:
            raise unknown_order()
        turn = self.begin()
        self.matchers[order.symbol].close(order, "EXPIRED", turn, reason=reason)
        self.lists.after_close(order, turn, order.client_order_id)
        self.commit(turn)

    def amend(self, order: Order, quantity: Decimal, new_client_order_id: str) -> dict[str, Any]:
        """Lower an order's quantity and keep its place in the queue ("Order Amend Keep Priority").

        Raises BinanceError -2038 for what can't be amended, -2010 for the client order id of another open order.
        """
        market = self.markets[order.symbol]
        if not order.is_open or order.waits_for_trigger:
            raise BinanceError(-2038, "The requested action would change no state; rejecting.")
        if not order.executed < quantity < order.quantity:
            raise BinanceError(-2038, "The requested action would change no state; rejecting.")
        if len(order.amends) >= market.instrument.max_amends:
            raise BinanceError(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
        if self.find_open(order.account_id, order.symbol, new_client_order_id) not in {None, order}:
            raise rejected("Duplicate order sent.")
        turn = self.begin()
        previous = order.client_order_id
        order.amends.append(
            {
                "symbol": order.symbol,
                "orderId": order.order_id,
                "executionId": next(self.execution_ids),
                "origClientOrderId": previous,
                "newClientOrderId": new_client_order_id,
                "origQty": format_amount(order.quantity),
                "newQty": format_amount(quantity),
                "time": turn.time_ms,
            }
        )
        order.quantity = quantity
        order.client_order_id = new_client_order_id
        self._by_client_id[(order.account_id, order.symbol, new_client_order_id)] = order
        self.matchers[order.symbol].relock(order, turn)
        market.book.refresh(order)
        turn.report(order, "REPLACED")
        self.commit(turn)
        return order.amends[-1]

    def apply_feed(self, event: MarketEvent) -> None:
        """Let one event of the outside market happen."""
        market = self.markets[event.symbol]
        matcher = self.matchers[event.symbol]
        turn = self.begin()
        if isinstance(event, BookChange):
            apply_book_change(market, event)
            matcher.fill_crossed(turn)
        else:
            left = matcher.apply_market_trade(event.price, event.quantity, turn, buyer_maker=event.buyer_maker)
            printed = event.quantity if event.trade_id is not None else left
            if printed > 0:
                market.print_trade(
                    event.price, printed, turn.time_ms, buyer_maker=event.buyer_maker, trade_id=event.trade_id
                )
        self.commit(turn)

    def deposit(self, account: Account, asset: str, amount: Decimal) -> None:
        """Move money in or out and tell the account; raises BinanceError -2010 when there is too little."""
        account.deposit(asset, amount)
        turn = self.begin()
        turn.add_event(account.account_id, report_balance(asset, format_amount(amount), turn.time_ms))
        turn.touch(account, asset)
        self.commit(turn)

    def find(self, account_id: int, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Look an account's order up by id, or by the client order id that it had last."""
        if order_id is not None:
            order = self.orders.get(order_id)
            is_own = order is not None and order.account_id == account_id and order.symbol == symbol
            return order if is_own else None
        return self._by_client_id.get((account_id, symbol, client_order_id or ""))

    def find_open(self, account_id: int, symbol: str, client_order_id: str) -> Order | None:
        """Look an account's open order up by client order id."""
        order = self._by_client_id.get((account_id, symbol, client_order_id))
        return order if order is not None and order.is_open else None

    def open_of(self, account_id: int) -> list[Order]:
        """List an account's open orders, oldest first."""
        listed = (self._open_of.get((account_id, symbol), {}).values() for symbol in self.markets)
        return sorted((order for orders in listed for order in orders if order.is_open), key=lambda each: each.order_id)

    def restore(self, order: Order) -> None:
        """Put an order that was read from disk back where it was; its money is already locked."""
        self.orders[order.order_id] = order
        self._by_client_id[(order.account_id, order.symbol, order.client_order_id)] = order
        if not order.is_open:
            self._archive(order)
        else:
            self._list_open(order)
            if order.waits_for_trigger and order.status == "NEW":
                self._stops.setdefault(order.symbol, {})[order.order_id] = order
            if order.is_working and order.symbol in self.markets:
                self.markets[order.symbol].book.add(order)

    def continue_ids_after_restore(self) -> None:
        """Continue the numbers of orders and lists after those that were read from disk."""
        self.order_ids = itertools.count(max(self.orders, default=0) + 1)
        self.lists.continue_ids()

    def _list_open(self, order: Order) -> None:
        self.open_orders[order.order_id] = order
        self._open_of.setdefault((order.account_id, order.symbol), {})[order.order_id] = order

    def _archive(self, order: Order) -> None:
        """Forget the oldest closed orders beyond what is kept, as Binance does after 90 days."""
        self._closed.append(order)
        while len(self._closed) > KEPT_CLOSED_ORDERS:
            oldest = self._closed.popleft()
            del self.orders[oldest.order_id]
            name = (oldest.account_id, oldest.symbol, oldest.client_order_id)
            if self._by_client_id.get(name) is oldest:
                del self._by_client_id[name]
            self.lists.forget(oldest)

    def _start_working(self, order: Order, turn: Turn) -> None:
        order.is_working = True
        order.working_ms = turn.time_ms

    def _check_triggers(self, order: Order, market: Market) -> None:
        if order.type == "LIMIT_MAKER":
            best = market.book.best(opposite(order.side))
            if best is not None and reaches(order.side, order.price, best[0]):
                raise rejected("Order would immediately match and take.")
        if order.is_algo and market.last_price is not None and would_trigger_immediately(order, market.last_price):
            raise rejected("Order would trigger immediately.")

    def _check_funds(self, order: Order, account: Account) -> None:
        market = self.markets[order.symbol]
        asset = market.instrument.base if order.side == "SELL" else market.instrument.quote
        free = account.balance(asset).free
        if order.trailing_delta is not None and order.side == "BUY" and not (order.price or order.stop_price):
            needed = order.quantity * (market.last_price or ZERO)
        elif order.type != "MARKET":
            needed = lock_needed(order)
        elif order.side == "SELL" and order.quantity:
            needed = order.quantity
        else:
            plan = self.matchers[order.symbol].plan(order)
            needed = plan.quantity if order.side == "SELL" else max(plan.cost, order.quote_order_quantity)
        if needed > free:
            raise insufficient_balance()

    def _fire_stops(self, market: Market, turn: Turn) -> None:
        """Fire every stop that the last price has reached; what they trade may fire others."""
        while market.last_price is not None and market.last_price != market.stops_checked_at:
            market.stops_checked_at = market.last_price
            self._sort_stops(turn)
            for order in list(self._stops.get(market.instrument.symbol, {}).values()):
                # One that was fired before it may have ended it or have moved the price again.
                still_waits = order.status == "NEW" and order.waits_for_trigger
                if still_waits and update_trigger(order, market.stops_checked_at, turn.time_ms):
                    self._fire(order, turn)

    def _sort_stops(self, turn: Turn) -> None:
        """Know which of a step's orders wait for their trigger now."""
        for order in turn.orders.values():
            if order.is_algo:
                waiting = self._stops.setdefault(order.symbol, {})
                if order.status == "NEW" and order.waits_for_trigger:
                    waiting[order.order_id] = order
                else:
                    waiting.pop(order.order_id, None)

    def _fire(self, order: Order, turn: Turn) -> None:
        matcher = self.matchers[order.symbol]
        self.lists.before_fill(order, turn)
        order.has_triggered = True
        self._start_working(order, turn)
        account = self.accounts.by_id[order.account_id]
        before = order.locked
        try:
            matcher.relock(order, turn)
            self._check_triggered_funds(order, account)
        except BinanceError:
            order.locked = min(order.locked, before)
            matcher.close(order, "EXPIRED", turn, reason="REJECTED")
            return
        turn.report(order, "NEW")
        self.work(order, turn)

    def _check_triggered_funds(self, order: Order, account: Account) -> None:
        """Refuse a fired market order, which has nothing locked, when it can't pay what the book asks now."""
        if order.price:
            return
        plan = self.matchers[order.symbol].plan(order)
        market = self.markets[order.symbol]
        asset = market.instrument.base if order.side == "SELL" else market.instrument.quote
        needed = plan.quantity if order.side == "SELL" else plan.cost
        if needed > account.balance(asset).free:
            raise insufficient_balance()

    def _bnb_price(self, quote: str) -> Decimal | None:
        market = self.markets.get(f"BNB{quote}")
        return market.last_price if market is not None else None
