"""A machine that submits, fills, amends, cancels and loses at random: what is reserved is never wrong for a moment.

Beside the books it keeps the exchange's truth. The rule is: what the exchange could still fill is always reserved
(never forgotten), nothing is reserved that is closed and known (released), and nothing is counted twice or negative.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from stockade_gateway.orders import Execution, Order, OrderReport, Orders
from tests.support.gateway_orders import PREFIX, make_execution, make_order, make_report

TENTHS = st.integers(1, 10).map(lambda number: Decimal(number) / 10)
SIDES = st.sampled_from(["BUY", "SELL"])


@dataclass
class Truth:
    """One order as the exchange has it."""

    number: int
    side: str
    quantity: Decimal
    partner: "Truth | None" = None
    arrived: bool = False
    status: str = "NEW"
    trades: list[Execution] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        """Executed so far."""
        return sum((trade.quantity for trade in self.trades), Decimal(0))

    @property
    def is_open(self) -> bool:
        """Whether it may still fill: it may even before it arrived."""
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def can_fill(self) -> Decimal:
        """What may still be executed of it."""
        return self.quantity - self.filled if self.is_open else Decimal(0)

    def report(self, *executions: Execution) -> OrderReport:
        """Tell of it as it is now."""
        return make_report(
            self.status,
            str(self.filled),
            *executions,
            number=self.number,
            quantity=str(self.quantity),
            side=self.side,
            event_time_ms=10**12,
        )


class Reservation(RuleBasedStateMachine):
    """The books hear what the exchange tells in any order, twice or not at all."""

    orders_placed = Bundle("orders_placed")

    @initialize()
    def begin(self) -> None:
        """Start with empty books."""
        self.orders = Orders(PREFIX)
        self.truths: list[Truth] = []
        self.told: list[OrderReport] = []
        self.next_trade = 1
        self.steps: dict[str, list[int]] = {}
        self.released: dict[str, int] = {}

    # --- What the algorithm does ------------------------------------------------------------------------------------

    @rule(target=orders_placed, side=SIDES, quantity=TENTHS)
    def submit(self, side: str, quantity: Decimal) -> Truth:
        """Place an order."""
        return self._add(side, quantity, None)

    @rule(target=orders_placed, side=SIDES, quantity=TENTHS)
    def submit_list(self, side: str, quantity: Decimal) -> Truth:
        """Place a list; the first of its two orders is the one that rules may pick."""
        list_id = f"{PREFIX}list{len(self.truths)}"
        first, second = self._add(side, quantity, list_id), self._add(side, quantity, list_id)
        first.partner, second.partner = second, first
        return first

    @rule(truth=orders_placed)
    def ask_to_cancel(self, truth: Truth) -> None:
        """Send a cancel that the exchange may or may not carry out."""
        change = self.orders.request_cancel(f"{PREFIX}{truth.number}", 0)
        self._note([change.order] if change else [])

    @rule(truth=orders_placed)
    def give_up_cancelling(self, truth: Truth) -> None:
        """The cancel failed."""
        change = self.orders.withdraw_cancel(f"{PREFIX}{truth.number}", 0)
        self._note([change.order] if change else [])

    # --- What the exchange does --------------------------------------------------------------------------------------

    @rule(truth=orders_placed)
    def arrive(self, truth: Truth) -> None:
        """The exchange has the order."""
        truth.arrived = True
        self.told.append(truth.report())

    @rule(truth=orders_placed, share=st.integers(1, 10), of_partner=st.booleans())
    def fill(self, truth: Truth, share: int, *, of_partner: bool) -> None:
        """Execute a part or the whole; the other order of a list expires with the first part."""
        truth = truth.partner if of_partner and truth.partner else truth
        if not truth.is_open:
            return
        quantity = truth.can_fill * share / 10
        trade = make_execution(self.next_trade, str(quantity), number=truth.number, side=truth.side)
        self.next_trade += 1
        truth.trades.append(trade)
        truth.status = "FILLED" if truth.filled == truth.quantity else "PARTIALLY_FILLED"
        self.told.append(truth.report(trade))
        self._end(truth.partner, "EXPIRED")

    @rule(truth=orders_placed)
    def cancel(self, truth: Truth) -> None:
        """Cancel an order, and the other one of its list."""
        self._end(truth, "CANCELED")
        self._end(truth.partner, "CANCELED")

    @rule(truth=orders_placed, share=st.integers(1, 9))
    def amend(self, truth: Truth, share: int) -> None:
        """Lower an order's quantity."""
        if truth.is_open and truth.partner is None:
            truth.quantity = truth.filled + truth.can_fill * share / 10
            self.told.append(truth.report())

    @rule(truth=orders_placed)
    def refuse(self, truth: Truth) -> None:
        """Reject an order that did not arrive yet: with the other one, if it is a list's."""
        pair = [truth, *([truth.partner] if truth.partner else [])]
        if any(leg.arrived or leg.trades or not leg.is_open for leg in pair):
            return
        for leg in pair:
            leg.status = "REJECTED"
            change = self.orders.reject(f"{PREFIX}{leg.number}", "insufficient balance", 0)
            self._note([change.order] if change else [])

    # --- What the books hear -----------------------------------------------------------------------------------------

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        """Hear one of the reports, new or old; those never drawn are lost."""
        if self.told:
            report = data.draw(st.sampled_from(self.told))
            self._note([change.order for change in self.orders.apply(report)])

    @rule(truth=orders_placed)
    def reconcile(self, truth: Truth) -> None:
        """Ask for an order and its trades; afterwards books and exchange agree about it."""
        for leg in (truth, *([truth.partner] if truth.partner else [])):
            if not leg.arrived and not leg.trades and leg.status in ("NEW", "REJECTED"):
                continue
            self._note([change.order for change in self.orders.apply(leg.report())])
            order = self._order(leg)
            if order.lacks_executions:
                changes = [self.orders.apply_execution(trade) for trade in leg.trades]
                self._note([change.order for change in changes if change])
            assert (order.filled_quantity, order.quantity) == (leg.filled, leg.quantity)
            assert order.is_final != leg.is_open

    # --- What must always hold ---------------------------------------------------------------------------------------

    @invariant()
    def what_can_fill_is_reserved(self) -> None:
        """Position and reservation together cover whatever the exchange may have done or may still do."""
        buys, sells = self.orders.sum_open().get("BTCUSDT", (Decimal(0), Decimal(0)))
        assert buys >= 0
        assert sells >= 0
        for side, reserved in (("BUY", buys), ("SELL", sells)):
            counted = sum((order.filled_quantity for order in self.orders.all() if order.side == side), Decimal(0))
            possible = sum((truth.filled for truth in self.truths if truth.side == side), Decimal(0))
            for truth in self.truths:
                is_first = truth.partner is None or truth.number < truth.partner.number
                if truth.side == side and is_first:
                    possible += max(truth.can_fill, truth.partner.can_fill if truth.partner else Decimal(0))
            assert counted + reserved >= possible, "something the exchange may fill is not reserved"

    @invariant()
    def what_is_closed_is_released(self) -> None:
        """Only open orders hold a reservation, each list at most that of one order."""
        buys, sells = self.orders.sum_open().get("BTCUSDT", (Decimal(0), Decimal(0)))
        most = Decimal(0)
        seen: set[str] = set()
        for order in self.orders.open():
            if order.list_id is None or order.list_id not in seen:
                most += order.quantity
            seen.add(order.list_id or "")
        assert buys + sells <= most
        assert self.orders.open_count == sum(not order.is_final for order in self.orders.all())

    @invariant()
    def each_step_has_the_next_number(self) -> None:
        """Nothing is told twice, and nothing is left out."""
        for steps in self.steps.values():
            assert steps == list(range(1, len(steps) + 1))

    def teardown(self) -> None:
        """In the end, when everything was asked for, nothing is reserved but what is open at the exchange."""
        for truth in getattr(self, "truths", []):
            self.reconcile(truth)
        for truth in getattr(self, "truths", []):
            order = self._order(truth)
            if truth.arrived or truth.trades or truth.status in ("CANCELED", "EXPIRED"):
                assert order.is_final != truth.is_open
            assert self.released.get(order.client_order_id, 0) == int(order.is_final), "released exactly once"

    def _add(self, side: str, quantity: Decimal, list_id: str | None) -> Truth:
        truth = Truth(len(self.truths) + 1, side, quantity)
        self.truths.append(truth)
        self.orders.add(make_order(truth.number, str(quantity), side, list_id=list_id))
        return truth

    def _end(self, truth: Truth | None, status: str) -> None:
        if truth is not None and truth.is_open:
            truth.status = status
            self.told.append(truth.report())

    def _order(self, truth: Truth) -> Order:
        order = self.orders.get(f"{PREFIX}{truth.number}")
        assert order is not None
        return order

    def _note(self, steps: list[Order]) -> None:
        for order in steps:
            self.steps.setdefault(order.client_order_id, []).append(order.sequence)
            if order.is_final:
                self.released[order.client_order_id] = self.released.get(order.client_order_id, 0) + 1


TestReservation = Reservation.TestCase
TestReservation.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
