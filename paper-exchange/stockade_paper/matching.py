"""Matching of one symbol: what a taker meets, who is filled when the market trades, and the money that moves.

Apart from the exchange because it knows no request and no client: orders, a book and balances only.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from stockade_paper.accounts import Account, Accounts
from stockade_paper.amounts import ZERO, round_down
from stockade_paper.book import is_better, opposite
from stockade_paper.fees import FeeSchedule, charge_commission
from stockade_paper.market import Market
from stockade_paper.orders import Fill, Order
from stockade_paper.prevention import PreventedMatch
from stockade_paper.turn import Turn

MAKER_STOPPING_MODES = frozenset({"EXPIRE_MAKER", "EXPIRE_BOTH"})
TAKER_STOPPING_MODES = frozenset({"EXPIRE_TAKER", "EXPIRE_BOTH"})


class Step(msgspec.Struct, frozen=True):
    """One thing a taker does: trade with the feed or a maker, or (when `is_prevented`) meet itself."""

    price: Decimal
    quantity: Decimal
    maker: Order | None
    is_prevented: bool = False


class Plan(msgspec.Struct, frozen=True):
    """What would happen to a taker now; too little liquidity shows as too small a quantity."""

    steps: tuple[Step, ...]

    @property
    def quantity(self) -> Decimal:
        """What would trade."""
        return sum((step.quantity for step in self.steps if not step.is_prevented), ZERO)

    @property
    def cost(self) -> Decimal:
        """What it would cost in the quote asset."""
        return sum((step.quantity * step.price for step in self.steps if not step.is_prevented), ZERO)


def lock_needed(order: Order) -> Decimal:
    """Return what an open order must have locked: base of a sale, quote of a purchase at its worst price."""
    if order.type == "MARKET" or order.status == "PENDING_NEW" or not order.is_open:
        return ZERO
    if order.shares_lock or (order.has_triggered and not order.price):
        return ZERO
    if order.side == "SELL":
        return order.remaining
    return order.remaining * (order.price or order.stop_price or order.trailing_extreme or ZERO)


def lock_asset(order: Order, market: Market) -> str:
    """Return the asset an order locks and pays with."""
    return market.instrument.base if order.side == "SELL" else market.instrument.quote


class Matcher:
    """Matches on one market. `before_fill` runs before an order's first fill (an order list drops its other leg)."""

    def __init__(
        self,
        market: Market,
        accounts: Accounts,
        fees: FeeSchedule,
        *,
        bnb_price: Callable[[str], Decimal | None],
        before_fill: Callable[[Order, Turn], None],
        after_fill: Callable[[Order, Turn], None],
    ) -> None:
        self.market = market
        self._accounts = accounts
        self._fees = fees
        self._bnb_price = bnb_price
        self._before_fill = before_fill
        self._after_fill = after_fill

    def plan(self, order: Order) -> Plan:
        """Walk the book for a taker without changing anything."""
        limit = order.price if order.type != "MARKET" and order.price else None
        budget = order.quote_order_quantity if order.quantity == 0 else None
        remaining = order.remaining
        steps: list[Step] = []
        for piece in self.market.book.walk(order.side, limit):
            if budget is None:
                wanted = min(remaining, piece.quantity)
            else:
                wanted = min(round_down(budget / piece.price, self.market.instrument.step_size), piece.quantity)
            if wanted <= 0:
                return Plan(tuple(steps))
            maker = piece.maker
            prevented = (
                maker is not None and maker.account_id == order.account_id and order.self_trade_prevention != "NONE"
            )
            steps.append(Step(piece.price, wanted, maker, is_prevented=prevented))
            if prevented and order.self_trade_prevention in TAKER_STOPPING_MODES:
                return Plan(tuple(steps))
            if prevented and order.self_trade_prevention == "EXPIRE_MAKER":
                continue
            remaining -= wanted
            if budget is not None:
                budget -= wanted * piece.price
        return Plan(tuple(steps))

    def take(self, order: Order, plan: Plan, turn: Turn) -> None:
        """Carry a plan out; the caller closes or rests what remains."""
        for step in plan.steps:
            if step.is_prevented:
                self._prevent(order, step, turn)
            else:
                self._trade(order, step, turn)

    def apply_market_trade(self, price: Decimal, quantity: Decimal, turn: Turn, *, buyer_maker: bool) -> Decimal:
        """Let a trade of the outside market reach waiting orders and return what of it they did not take.

        The aggressor meets better-priced orders first, then those at its price behind the visible queue.
        """
        side = "BUY" if buyer_maker else "SELL"
        book = self.market.book
        left = quantity
        level = book.best_resting(side)
        while level is not None and left > 0 and is_better(side, level, price):
            left = self._fill_queue(book.resting[side][level], left, turn)
            level = book.best_resting(side)
        if level != price or left <= 0:
            return left
        passed = ZERO
        for order in list(book.resting[side][price]):
            if order.queue_ahead is None:
                continue
            ahead = min(max(order.queue_ahead - passed, ZERO), left)
            passed += ahead
            left = self._fill_maker(order, left - ahead, turn)
        book.advance_queue(side, price, passed + left)
        return left + passed

    def fill_crossed(self, turn: Turn) -> None:
        """Fill waiting orders that the outside market now quotes through: its best level would have met them."""
        book = self.market.book
        for side in ("BUY", "SELL"):
            while (level := book.best_resting(side)) is not None:
                quote = book.best_external(opposite(side))
                if quote is None or is_better(side, quote[0], level):
                    break
                first = book.resting[side][level][0]
                taken = quote[1] - self._fill_maker(first, quote[1], turn)
                book.take_external(opposite(side), quote[0], taken)

    def close(
        self, order: Order, status: str, turn: Turn, *, reason: str | None = None, cancel_id: str | None = None
    ) -> None:
        """End an order: off the book, its lock released, its report written."""
        self._end(order, status, turn, reason)
        turn.report(order, "CANCELED" if status == "CANCELED" else "EXPIRED", cancel_client_order_id=cancel_id)

    def _end(self, order: Order, status: str, turn: Turn, reason: str | None = None) -> None:
        self.market.book.remove(order)
        order.status = status
        order.expiry_reason = reason
        order.is_working = False
        self.relock(order, turn)

    def relock(self, order: Order, turn: Turn) -> None:
        """Bring an order's lock to what it needs now.

        Raises BinanceError -2010 when the account can't pay for it.
        """
        account = self._accounts.by_id[order.account_id]
        needed = lock_needed(order)
        asset = lock_asset(order, self.market)
        account.move_lock(asset, order.locked, needed)
        order.locked = needed
        turn.touch(account, asset)

    def _fill_queue(self, queue: list[Order], left: Decimal, turn: Turn) -> Decimal:
        while queue and left > 0:
            for order in list(queue):
                left = self._fill_maker(order, left, turn)
        return left

    def _fill_maker(self, order: Order, available: Decimal, turn: Turn) -> Decimal:
        """Fill what a waiting order shows with up to `available`, at its price; return what is left of that."""
        quantity = min(available, order.visible)
        if quantity <= 0:
            return available
        trade_id = self.market.print_own_trade(order.price, quantity, turn.time_ms, buyer_maker=order.side == "BUY")
        self._settle(order, order.price, quantity, trade_id, turn, is_maker=True)
        return available - quantity

    def _trade(self, order: Order, step: Step, turn: Turn) -> None:
        trade_id = self.market.print_own_trade(
            step.price, step.quantity, turn.time_ms, buyer_maker=order.side == "SELL"
        )
        if step.maker is None:
            self.market.book.take_external(opposite(order.side), step.price, step.quantity)
        else:
            self._settle(step.maker, step.price, step.quantity, trade_id, turn, is_maker=True)
        self._settle(order, step.price, step.quantity, trade_id, turn, is_maker=False)

    def _settle(
        self, order: Order, price: Decimal, quantity: Decimal, trade_id: int, turn: Turn, *, is_maker: bool
    ) -> None:
        """Move the money of one side of a trade and report it."""
        if order.executed == 0:
            self._before_fill(order, turn)
        account = self._accounts.by_id[order.account_id]
        notional = price * quantity
        instrument = self.market.instrument
        order.executed += quantity
        order.cumulative_quote += notional
        order.status = "FILLED" if order.remaining <= 0 else "PARTIALLY_FILLED"
        pays, receives = (
            (instrument.quote, instrument.base) if order.side == "BUY" else (instrument.base, instrument.quote)
        )
        paid, received = (notional, quantity) if order.side == "BUY" else (quantity, notional)
        self._pay(account, order, pays, paid)
        account.balance(receives).free += received
        commission, commission_asset = charge_commission(
            account,
            instrument,
            order.side,
            price,
            quantity,
            rate=self._fees.rate(is_maker=is_maker),
            bnb_price=self._bnb_price(instrument.quote),
        )
        account.balance(commission_asset).free -= commission
        turn.touch(account, pays, receives, commission_asset)
        # What smart order routing buys comes from the exchange itself: an allocation under the market's own number.
        allocation_id = trade_id if order.uses_sor and not is_maker else None
        fill = Fill(
            order.account_id,
            order.symbol,
            trade_id if allocation_id is None else -1,
            order.order_id,
            order.order_list_id,
            order.side,
            price,
            quantity,
            commission,
            commission_asset,
            turn.time_ms,
            is_maker,
            allocation_id,
        )
        order.fills.append(fill)
        turn.fills.append(fill)
        self._after_trade(order, quantity, turn, fill)

    @staticmethod
    def _pay(account: Account, order: Order, asset: str, paid: Decimal) -> None:
        """Pay from what the order had locked; what it no longer needs goes back to the free balance."""
        balance = account.balance(asset)
        lock_left = lock_needed(order) if order.locked else ZERO
        released = order.locked - lock_left
        balance.locked -= released
        balance.free += released - paid
        order.locked = lock_left

    def _after_trade(self, order: Order, quantity: Decimal, turn: Turn, fill: Fill) -> None:
        book = self.market.book
        if order.shown is not None:
            if order.status == "FILLED":
                book.remove(order)
            elif order.iceberg_quantity is not None:
                left = (order.iceberg_left or order.iceberg_quantity) - quantity
                order.iceberg_left = left if left > 0 else None
                if left <= 0:
                    book.requeue(order)
            book.refresh(order)
        turn.report(order, "TRADE", fill=fill)
        self._after_fill(order, turn)

    def _prevent(self, taker: Order, step: Step, turn: Turn) -> None:
        """Keep an account from trading with itself; the taker's mode decides ("Self-Trade Prevention FAQ").

        Within one account there is nothing to transfer: TRANSFER is DECREMENT.
        """
        maker, mode = step.maker, taker.self_trade_prevention
        assert maker is not None  # noqa: S101 - only a maker of one's own is ever prevented
        match = PreventedMatch(
            match_id=next(turn.execution_ids),
            account_id=taker.account_id,
            symbol=taker.symbol,
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            mode=mode,
            price=step.price,
            quantity=step.quantity,
            time_ms=turn.time_ms,
        )
        turn.prevented.append(match)
        taker.prevented_match_id = maker.prevented_match_id = match.match_id
        if mode in {"DECREMENT", "TRANSFER"}:
            for order in (maker, taker):
                order.prevented_quantity += step.quantity
                self.market.book.refresh(order)
                if order.locked:
                    self.relock(order, turn)
            ended = [order for order in (maker, taker) if order.remaining <= 0]
            told = [maker, taker]
        else:
            told = ended = [
                order
                for order, modes in ((maker, MAKER_STOPPING_MODES), (taker, TAKER_STOPPING_MODES))
                if mode in modes
            ]
        for order in told:
            if order in ended:
                self._end(order, "EXPIRED_IN_MATCH", turn)
            turn.report(order, "TRADE_PREVENTION", prevented=match)
