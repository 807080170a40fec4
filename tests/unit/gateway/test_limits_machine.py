"""The limits under every interleaving: orders, fills, cancels, amendments, lost news, and limits that move meanwhile.

The orders' own state machine reserves what `find_denial` lets through, as it does in the desk. Beside it stands what is
true at the exchange, of which the books hear late, twice or never, and a judge that adds everything up anew. The rule
is: an order passes if and only if all limits hold with it, and then they hold at the exchange too, whatever it does.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stockade_gateway.control import AccountControl, AccountLimits, Control, Limits, Trading
from stockade_gateway.filters import InstrumentRules, OrderRequest
from stockade_gateway.held_lease import Share
from stockade_gateway.limits import Snapshot, SymbolView, find_breach, find_denial
from stockade_gateway.orders import Execution, OrderReport, Orders
from tests.support.gateway_orders import PREFIX, make_execution, make_order, make_report

ZERO = Decimal(0)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
RULES = {symbol: InstrumentRules(symbol=symbol, base=symbol[:3], quote="USDT") for symbol in SYMBOLS}
SECOND_NS = 1_000_000_000
WISHES = st.tuples(
    st.sampled_from(SYMBOLS), st.sampled_from(("BUY", "SELL")), st.integers(1, 6), st.sampled_from((None, -20, 0, 20))
)
PICKS = st.integers(0, 99)


@dataclass
class Truth:
    """One order as the exchange has it."""

    number: int
    request: OrderRequest
    quantity: Decimal
    status: str = "NEW"
    trades: list[Execution] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        """Executed so far."""
        return sum((trade.quantity for trade in self.trades), ZERO)

    @property
    def can_fill(self) -> Decimal:
        """What may still be executed of it."""
        return self.quantity - self.filled if self.status in ("NEW", "PARTIALLY_FILLED") else ZERO

    def report(self, *executions: Execution) -> OrderReport:
        """Tell of it as it is now."""
        return make_report(
            self.status, str(self.filled), *executions, number=self.number, quantity=str(self.quantity),
            symbol=self.request.symbol, side=self.request.side, event_time_ms=10**12,
        )  # fmt: skip


class LimitedTrading(RuleBasedStateMachine):
    """One algorithm, what its gateway knows, and what is true."""

    @initialize()
    def begin(self) -> None:
        """Nothing is held, and there are prices and limits."""
        self.prices = dict.fromkeys(SYMBOLS, Decimal(100))
        self.positions = dict.fromkeys(SYMBOLS, ZERO)
        self.cash = ZERO
        self.orders = Orders(PREFIX)
        self.truths: list[Truth] = []
        self.told: list[OrderReport] = []
        self.sent_seconds: list[int] = []
        self.now = 1000
        self.trading = Trading.ACTIVE
        self.limits = Limits(
            max_order_notional=Decimal(500), max_position_notional=Decimal(1000), max_open_orders=5,
            max_orders_per_minute=20, max_daily_loss=Decimal(200),
        )  # fmt: skip
        self.share = Share(error=None, exposure=Decimal(900), loss=Decimal(150), orders=8)

    # --- What the algorithm does -------------------------------------------------------------------------------------

    @rule(wishes=st.lists(WISHES, min_size=2, max_size=6), seconds=st.sampled_from((0, 1, 10, 60)))
    def submit(self, wishes: list[tuple[str, str, int, int | None]], seconds: int) -> None:
        """Ask for some orders after a while; each one let through is reserved in the same step."""
        self.now += seconds
        for symbol, side, quantity, offset in wishes:
            price = None if offset is None else self.prices[symbol] + offset
            type_ = "MARKET" if price is None else "LIMIT"
            request = OrderRequest(symbol=symbol, side=side, type=type_, quantity=Decimal(quantity), price=price)
            fault = self.find_fault(request)
            denial = find_denial(request, self.snapshot())
            assert (denial is None) == (fault is None), f"the judge says {fault}, the gateway {denial}"
            if denial is None:
                self.send(request)

    def send(self, request: OrderRequest) -> None:
        """Reserve an order; from now on the exchange may have it."""
        number = len(self.truths) + 1
        order = make_order(
            number, str(request.quantity), request.side, symbol=request.symbol, price=request.price,
            created_time_ns=self.now * SECOND_NS,
        )  # fmt: skip
        self.orders.add(order)
        self.sent_seconds.append(self.now)
        self.truths.append(Truth(number, request, request.quantity))

    # --- What the exchange does --------------------------------------------------------------------------------------

    @rule(pick=PICKS, tenths=st.sampled_from((3, 5, 10)), is_told=st.booleans())
    def fill(self, pick: int, tenths: int, *, is_told: bool) -> None:
        """An order trades, at its own price or the market's."""
        truth = self.pick_open(pick)
        if truth is None:
            return
        request = truth.request
        price = request.price or self.prices[request.symbol]
        trade = make_execution(
            len(self.told) + sum(len(each.trades) for each in self.truths), str(truth.can_fill * tenths / 10),
            number=truth.number, symbol=request.symbol, side=request.side, price=str(price),
        )  # fmt: skip
        truth.trades.append(trade)
        truth.status = "FILLED" if truth.filled == truth.quantity else "PARTIALLY_FILLED"
        self.tell(truth.report(trade), is_told=is_told)

    @rule(pick=PICKS, is_told=st.booleans())
    def cancel(self, pick: int, *, is_told: bool) -> None:
        """An order is canceled."""
        truth = self.pick_open(pick)
        if truth is not None:
            truth.status = "CANCELED"
            self.tell(truth.report(), is_told=is_told)

    @rule(pick=PICKS, is_told=st.booleans())
    def amend(self, pick: int, *, is_told: bool) -> None:
        """An order's quantity is lowered."""
        truth = self.pick_open(pick)
        if truth is not None:
            truth.quantity = truth.filled + truth.can_fill / 2
            self.tell(truth.report(), is_told=is_told)

    @rule(pick=PICKS)
    def refuse(self, pick: int) -> None:
        """An order never came to the exchange, and that is certain."""
        truth = self.pick_open(pick)
        if truth is not None and truth.status == "NEW" and truth.quantity == truth.request.quantity:
            truth.status = "REJECTED"
            self.orders.reject(f"{PREFIX}{truth.number}", "refused", 0)

    @rule(symbol=st.sampled_from(SYMBOLS), price=st.sampled_from((60, 90, 100, 110, 150)))
    def move(self, symbol: str, price: int) -> None:
        """The market moves."""
        self.prices[symbol] = Decimal(price)

    # --- What the books hear -----------------------------------------------------------------------------------------

    @rule(pick=PICKS)
    def hear(self, pick: int) -> None:
        """One of the reports arrives: the newest, an old one, or one that came before."""
        if self.told:
            self.take(self.told[pick % len(self.told)])

    @rule(pick=PICKS)
    def ask(self, pick: int) -> None:
        """An order of which nothing was heard is asked for, with its trades."""
        if self.truths:
            truth = self.truths[pick % len(self.truths)]
            if truth.status != "REJECTED":
                self.take(truth.report(*truth.trades))

    def tell(self, report: OrderReport, *, is_told: bool) -> None:
        """Keep a report for later, and let the books hear it at once or not."""
        self.told.append(report)
        if is_told:
            self.take(report)

    def take(self, report: OrderReport) -> None:
        """Hear a report and count its executions."""
        for change in self.orders.apply(report):
            trade = change.execution
            if trade is not None:
                signed = trade.quantity if trade.side == "BUY" else -trade.quantity
                self.positions[trade.symbol] += signed
                self.cash -= signed * trade.price

    # --- What the user does ------------------------------------------------------------------------------------------

    @rule(trading=st.sampled_from((Trading.ACTIVE, Trading.ACTIVE, Trading.REDUCING, Trading.HALTED)))
    def switch(self, trading: Trading) -> None:
        """The switch is moved."""
        self.trading = trading

    @rule(
        position=st.sampled_from((None, 0, 300, 1000)), order=st.sampled_from((None, 200, 500)),
        count=st.sampled_from((None, 2, 9)), rate=st.sampled_from((None, 4, 20)), loss=st.sampled_from((None, 10, 200)),
    )  # fmt: skip
    def change_limits(
        self, position: int | None, order: int | None, count: int | None, rate: int | None, loss: int | None
    ) -> None:
        """The limits are raised or lowered while orders are open."""
        self.limits = Limits(
            max_order_notional=None if order is None else Decimal(order),
            max_position_notional=None if position is None else Decimal(position),
            max_open_orders=count, max_orders_per_minute=rate, max_daily_loss=None if loss is None else Decimal(loss),
        )  # fmt: skip

    @rule(
        error=st.sampled_from((None, None, None, "no answer")), exposure=st.sampled_from((None, 0, 400, 900)),
        loss=st.sampled_from((None, None, 0, 150)), orders=st.sampled_from((None, None, 3, 8)),
    )  # fmt: skip
    def change_share(self, error: str | None, exposure: int | None, loss: int | None, orders: int | None) -> None:
        """Another lease comes, or none."""
        self.share = Share(
            error=error, exposure=None if exposure is None else Decimal(exposure),
            loss=None if loss is None else Decimal(loss), orders=orders,
        )  # fmt: skip

    # --- The judge ---------------------------------------------------------------------------------------------------

    def find_fault(self, request: OrderRequest) -> str | None:
        """Add everything up anew, as if the order were open already, and name what it is beyond."""
        held, own = self.positions[request.symbol], self.sum_open(request.symbol, request.side) + request.quantity
        after = held + own if request.side == "BUY" else held - own
        reduces = abs(after) <= abs(held) and after * held >= 0
        price = max(request.price or ZERO, self.prices[request.symbol])
        growth, loss = self.sum_worst(request, price), -self.result()
        always = [
            ("halted", self.trading is Trading.HALTED),
            ("reducing", self.trading is Trading.REDUCING and not reduces),
            ("open orders", is_beyond(len(self.orders.open()) + 1, self.limits.max_open_orders)),
            ("a minute", is_beyond(self.count_sent(60) + 1, self.limits.max_orders_per_minute)),
            ("ten seconds", is_beyond(self.count_sent(10) + 1, self.share.orders)),
            ("order", is_beyond(request.quantity * price, self.limits.max_order_notional)),
        ]
        growing = [
            ("position", is_beyond(growth, self.limits.max_position_notional)),
            ("loss", self.limits.max_daily_loss is not None and loss >= self.limits.max_daily_loss),
            ("no share", self.share.error is not None),
            ("share", is_beyond(growth, self.share.exposure)),
            ("share of loss", self.share.loss is not None and loss >= self.share.loss),
        ]
        return next((name for name, beyond in always + ([] if reduces else growing) if beyond), None)

    def sum_open(self, symbol: str, side: str) -> Decimal:
        """Return what the orders that the books have for open may still trade."""
        chosen = (order for order in self.orders.open() if (order.symbol, order.side) == (symbol, side))
        return sum((order.remaining for order in chosen), ZERO)

    def sum_worst(self, request: OrderRequest, price: Decimal) -> Decimal:
        """Return the most that could be held, by value, with the order."""
        total = ZERO
        for symbol in SYMBOLS:
            own = request.symbol == symbol
            buys = self.sum_open(symbol, "BUY") + (request.quantity if own and request.side == "BUY" else ZERO)
            sells = self.sum_open(symbol, "SELL") + (request.quantity if own and request.side == "SELL" else ZERO)
            worst = max(abs(self.positions[symbol] + buys), abs(self.positions[symbol] - sells))
            total += worst * (price if own else self.prices[symbol])
        return total

    def count_sent(self, seconds: int) -> int:
        """Return how many orders were sent in the last so many seconds."""
        return sum(1 for each in self.sent_seconds if each > self.now - seconds)

    def result(self) -> Decimal:
        """Return the day's result at the present prices, as far as the books know."""
        return self.cash + sum((self.positions[symbol] * self.prices[symbol] for symbol in SYMBOLS), ZERO)

    def pick_open(self, pick: int) -> Truth | None:
        """Return one of the orders that are open at the exchange."""
        found = [truth for truth in self.truths if truth.can_fill]
        return found[pick % len(found)] if found else None

    def snapshot(self) -> Snapshot:
        """Return what the desk would show the limits."""
        sums = self.orders.sum_open()
        views = {}
        for symbol in SYMBOLS:
            buys, sells = sums.get(symbol, (ZERO, ZERO))
            price = self.prices[symbol]
            views[symbol] = SymbolView(
                rules=RULES[symbol], position=self.positions[symbol], open_buys=buys, open_sells=sells,
                bid=price, ask=price, mark=price,
            )  # fmt: skip
        account = AccountControl(limits=AccountLimits(max_exposure=Decimal(2000), max_daily_loss=Decimal(200)))
        return Snapshot(
            control=Control(generation=1, trading=self.trading, limits_or_none=self.limits, account=account),
            control_error=None,
            reconciling=None,
            symbols=views,
            open_orders=self.orders.open_count,
            orders_last_minute=self.orders.count_created_since((self.now - 60) * SECOND_NS),
            orders_last_ten_seconds=self.orders.count_newest((self.now - 10) * SECOND_NS),
            day_result=self.result(),
            share=self.share,
        )

    @invariant()
    def what_the_exchange_may_do_is_within_what_the_limits_saw(self) -> None:
        """Whatever happened unheard or may still happen, the position stays between the books' two worst."""
        for symbol in SYMBOLS:
            mine = [truth for truth in self.truths if truth.request.symbol == symbol]
            buys = [truth for truth in mine if truth.request.side == "BUY"]
            sells = [truth for truth in mine if truth.request.side == "SELL"]
            held = sum((truth.filled for truth in buys), ZERO) - sum((truth.filled for truth in sells), ZERO)
            most = held + sum((truth.can_fill for truth in buys), ZERO)
            least = held - sum((truth.can_fill for truth in sells), ZERO)
            reserved = self.sum_open(symbol, "BUY"), self.sum_open(symbol, "SELL")
            assert min(reserved) >= 0
            assert self.positions[symbol] - reserved[1] <= least <= most <= self.positions[symbol] + reserved[0]

    @invariant()
    def breach_is_told(self) -> None:
        """Whatever stands beyond a limit is named, and nothing else is."""
        snapshot, loss = self.snapshot(), -self.result()
        worst = sum((view.worst_position * (view.mark or ZERO) for view in snapshot.symbols.values()), ZERO)
        beyond = [
            ("maxDailyLoss", self.limits.max_daily_loss is not None and loss >= self.limits.max_daily_loss),
            ("maxPositionNotional", is_beyond(worst, self.limits.max_position_notional)),
            ("account maxDailyLoss", self.share.loss is not None and loss >= self.share.loss),
            ("account maxExposure", is_beyond(worst, self.share.exposure)),
        ]
        assert find_breach(snapshot) == next((name for name, is_reached in beyond if is_reached), None)


def is_beyond(value: Decimal | int, limit: Decimal | int | None) -> bool:
    """Return whether a value is above a limit, if there is one."""
    return limit is not None and value > limit


TestLimitedTrading = LimitedTrading.TestCase
TestLimitedTrading.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
