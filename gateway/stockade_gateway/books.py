"""The books: every change of an order goes through here into journal, positions and ledger, and is then told.

Apart from the desk, which decides and speaks to the exchange: whatever is heard of an order, by reply, event or query,
ends in the same few calls.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from stockade_gateway.errors import JournalError, LedgerError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.filters import InstrumentRules
from stockade_gateway.journal import Checkpoint, Journal, Record, Step
from stockade_gateway.ledger_entries import (
    LedgerWriter,
    Owner,
    make_fill_row,
    make_order_event_row,
    make_position_row,
)
from stockade_gateway.orders import Change, Execution, Order, OrderReport, Orders, OrderState, Refusal
from stockade_gateway.past import Past
from stockade_gateway.positions import Positions
from stockade_wire.order_ids import order_number

_KEEP_CLOSED_ORDERS = 2000
_KEEP_CLOSED_NS = 24 * 3600 * 1_000_000_000
# Denied orders are the algorithm's own doing and may come in floods; beyond these the ledger is spared.
_DENIED_ROWS_PER_MINUTE = 60

# Steps that are written into the journal one right after the other, before the ledger hears of any: a list's orders.
_TOGETHER = 2

logger = logging.getLogger(__name__)


class Books:
    """Orders and positions with their journal and ledger; `tell` gets every change once it is in the journal."""

    def __init__(
        self,
        *,
        owner: Owner,
        orders: Orders,
        positions: Positions,
        rules: dict[str, InstrumentRules],
        journal: Journal,
        ledger: LedgerWriter,
        clock: ExchangeClock,
        tell: Callable[[Change | Refusal], None],
    ) -> None:
        self.orders = orders
        self.positions = positions
        self._owner = owner
        self._rules = rules
        self._journal = journal
        self._ledger = ledger
        self._clock = clock
        self.tell = tell
        # True once something happened that the journal could not take: it is rewritten before it is relied on again.
        self._journal_stale = False
        self._denied_minute = (0, 0)
        # True once what happened before this journal is in the books, from the ledger.
        self.past_known = False
        # Time of the newest thing restored; the exchange is asked for everything since.
        self.known_until_ms: int | None = None
        self._highest_number = -1
        self.counts: Counter[str] = Counter(submitted=0, denied=0, rejected=0, filled=0, canceled=0)

    @property
    def journal_error(self) -> str | None:
        """Why the journal can't be written, None when it can."""
        return self._journal.error

    @property
    def ledger_full(self) -> bool:
        """True when there is hardly room left for rows that wait for the ledger."""
        return self._ledger.full

    @property
    def highest_number(self) -> int:
        """Highest order number ever met, -1 before the first."""
        return max(self._highest_number, self.orders.highest_number())

    def restore(self, records: Iterable[Record]) -> None:
        """Take over what an earlier gateway wrote into the journal.

        The last step goes to the ledger once more: that gateway may have been killed between the two, and the ledger
        takes each step only once. It keeps the time at which that gateway heard of it.
        """
        last: deque[Step] = deque(maxlen=_TOGETHER)
        for record in records:
            if isinstance(record, Checkpoint):
                self.positions.restore(record.positions)
                self.orders.forgotten_number = int(record.forgotten_number)
                self.past_known = record.past_known
                self._highest_number = int(record.highest_number)
                self._note_known(record.known_until_ms or 0)
                for client_order_id, trades in record.trades.items():
                    self.orders.restore_trades(client_order_id, trades)
                continue
            last.append(record)
            self.orders.add(record.order)
            self._note_known(record.order.updated_time_ns // 1_000_000)
            if record.execution is not None:
                self.orders.restore_trades(record.order.client_order_id, [record.execution.trade_id])
                self.positions.apply(record.execution)
        for step in last:
            self._record(step)

    def restore_past(self, past: Past) -> None:
        """Take over what the ledger knows; what the books hold already is left as it is.

        Raises LedgerError when the exchange told of one of these orders while they were loaded, as its executions would
        count twice, and JournalError; load it again then.
        """
        for order in self.orders.all():
            number = order_number(self.orders.prefix, order.client_order_id)
            if number is not None and number <= past.newest_number and order.client_order_id not in past.held:
                raise LedgerError(f"order {order.client_order_id} became known while the past was loaded")
        self.positions.join_past(past.positions)
        self._note_known(past.known_until_ms)
        for order in past.orders:
            if self.orders.get(order.client_order_id) is None:
                self.orders.add(order)
                if trades := past.trades.get(order.client_order_id):
                    self.orders.restore_trades(order.client_order_id, trades)
                self._note_known(order.updated_time_ns // 1_000_000)
        for execution in past.executions:
            self.take_execution(execution)
        self.orders.forgotten_number = max(self.orders.forgotten_number, past.forgotten_number)
        self.past_known = True
        self.rewrite_journal()

    def submit(self, *orders: Order) -> None:
        """Write down and count new orders before anything is sent; raises JournalError, and then there is none of them.

        Whoever calls it calls `enter` once they are sent, before anything else comes in here.
        """
        if self._journal_stale:
            self.rewrite_journal()
        try:
            for order in orders:
                self._journal.append(self._make_step(order))
        except JournalError:
            # One of two may have got in.
            self._journal_stale = len(orders) > 1
            raise
        for order in orders:
            self.orders.add(order)
            self.counts["submitted"] += 1

    def enter(self, *orders: Order) -> None:
        """Enter orders that were written down into the ledger: after the sending, which must not wait for it."""
        for order in orders:
            self._record(self._make_step(order))

    def deny(self, order: Order) -> None:
        """Record an order that never leaves the pod."""
        self.counts["denied"] += 1
        minute = int(time.monotonic() // 60)
        written = self._denied_minute[1] if self._denied_minute[0] == minute else 0
        if written < _DENIED_ROWS_PER_MINUTE:
            self._denied_minute = (minute, written + 1)
            self._record(self._make_step(order))

    def take_report(self, report: OrderReport) -> bool:
        """Take in what the exchange says about an order; returns whether it was news."""
        if report.symbol not in self._rules:
            return False
        return self._take(self.orders.apply(report), time.time_ns())

    def take_execution(self, execution: Execution) -> bool:
        """Take in one execution; returns whether it was news."""
        change = self.orders.apply_execution(execution)
        return self._take([change] if change else [], time.time_ns())

    def reject(self, order: Order, reason: str) -> None:
        """Note that the exchange refused the order, or that it certainly never got it."""
        now_ns = time.time_ns()
        self._take_one(self.orders.reject(order.client_order_id, reason, now_ns), now_ns)

    def refuse_amendment(self, order: Order, reason: str) -> None:
        """Tell that the order was not amended; it is as it was, so there is nothing to write down."""
        self.tell(Refusal(msgspec.structs.replace(order), reason))

    def request_cancel(self, order: Order) -> None:
        """Note that a cancel of the order is on its way."""
        now_ns = time.time_ns()
        self._take_one(self.orders.request_cancel(order.client_order_id, now_ns), now_ns)

    def withdraw_cancel(self, order: Order) -> None:
        """Note that the exchange did not cancel the order."""
        now_ns = time.time_ns()
        self._take_one(self.orders.withdraw_cancel(order.client_order_id, now_ns), now_ns)

    def sync_journal(self) -> None:
        """Wait until the journal is on the disk; made for another thread. No order is taken while it does not work."""
        try:
            self._journal.sync()
        except JournalError as error:
            self._journal_stale = True
            logger.error("%s", error)  # noqa: TRY400 - the text says it all

    def keep_house(self) -> None:
        """Forget what was closed long ago and compact the journal if it has grown; call it every minute."""
        if self.past_known:
            # Before, an order forgotten could not be told from one of the past that is yet to be counted.
            self.orders.forget_closed(before_ns=time.time_ns() - _KEEP_CLOSED_NS, keep=_KEEP_CLOSED_ORDERS)
        if self._journal.wants_compaction or self._journal_stale:
            try:
                self.rewrite_journal()
            except JournalError as error:
                logger.error("%s", error)  # noqa: TRY400 - the text says it all

    def rewrite_journal(self) -> None:
        """Replace the journal by the present state. Raises JournalError; the old one stays then."""
        checkpoint = Checkpoint(
            positions=self.positions.save(),
            trades=self.orders.trades(),
            forgotten_number=str(self.orders.forgotten_number),
            highest_number=str(self.highest_number),
            past_known=self.past_known,
            known_until_ms=self.known_until_ms,
        )
        self._journal.rewrite([checkpoint, *(Step(order) for order in self.orders.all())])
        self._journal_stale = False

    def _note_known(self, time_ms: int) -> None:
        if time_ms:
            self.known_until_ms = max(self.known_until_ms or 0, time_ms)

    def _make_step(self, order: Order) -> Step:
        """Return the step of an order that begins or is denied: its own time is when this gateway made it."""
        return Step(order, received_time_ns=self._clock.correct_ns(order.updated_time_ns))

    def _take_one(self, change: Change | None, now_ns: int) -> None:
        self._take([change] if change else [], now_ns)

    def _take(self, changes: list[Change], now_ns: int) -> bool:
        for change in changes:
            step = Step(change.order, change.execution, self._clock.correct_ns(now_ns))
            try:
                self._journal.append(step)
            except JournalError as error:
                self._journal_stale = True
                logger.error("%s", error)  # noqa: TRY400 - the text says it all
            self._note_known(change.order.updated_time_ns // 1_000_000)
            self._count(change)
            if change.execution is not None:
                self.positions.apply(change.execution)
            self.tell(change)
            self._record(step)
        return bool(changes)

    def _record(self, step: Step) -> None:
        execution, received_time_ns = step.execution, step.received_time_ns
        if execution is not None:
            symbol = execution.symbol
            self._ledger.record_fill(make_fill_row(self._owner, execution, received_time_ns))
            quote, holding = self._rules[symbol].quote, self.positions.holding(symbol)
            row = make_position_row(self._owner, symbol, quote, holding, datetime.now(UTC))
            self._ledger.record_position(row)
        self._ledger.record_order_event(make_order_event_row(self._owner, step.order, received_time_ns))

    def _count(self, change: Change) -> None:
        name = {
            OrderState.REJECTED: "rejected",
            OrderState.FILLED: "filled",
            OrderState.CANCELED: "canceled",
        }.get(change.order.state)
        if name is not None:
            self.counts[name] += 1
