"""The limits under every interleaving: a small desk reserves what `find_denial` lets through, a judge adds up anew."""

from decimal import Decimal

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stockade_gateway.control import AccountControl, AccountLimits, Control, Limits, Trading
from stockade_gateway.filters import InstrumentRules, OrderRequest
from stockade_gateway.held_lease import Share
from stockade_gateway.limits import Snapshot, SymbolView, find_breach, find_denial, is_reducing

ZERO = Decimal(0)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
RULES = {symbol: InstrumentRules(symbol=symbol, base=symbol[:3], quote="USDT") for symbol in SYMBOLS}


class Resting(msgspec.Struct):
    """An order that was let through and is open."""

    request: OrderRequest
    left: Decimal


class Trade(RuleBasedStateMachine):
    """One algorithm: submits, fills, cancels, prices and controls in any order."""

    @initialize()
    def begin(self) -> None:
        """Nothing is held, and there are prices."""
        self.prices = dict.fromkeys(SYMBOLS, Decimal(100))
        self.positions = dict.fromkeys(SYMBOLS, ZERO)
        self.cash = ZERO
        self.orders: list[Resting] = []
        self.times: list[int] = []
        self.now = 0
        self.trading = Trading.ACTIVE
        self.limits = Limits(
            max_order_notional=Decimal(500), max_position_notional=Decimal(1000), max_open_orders=3,
            max_orders_per_minute=5, max_daily_loss=Decimal(50),
        )  # fmt: skip
        self.share = Share(error=None, exposure=Decimal(800), loss=Decimal(40), orders=4)
        self.account = AccountLimits(max_exposure=Decimal(2000), max_daily_loss=Decimal(100))

    def control(self) -> Control:
        """Return what is ordered at the moment."""
        account = AccountControl(limits=self.account)
        return Control(generation=1, trading=self.trading, limits_or_none=self.limits, account=account)

    def open_amount(self, symbol: str, side: str) -> Decimal:
        """Return what open orders of a side may still trade."""
        chosen = (order for order in self.orders if (order.request.symbol, order.request.side) == (symbol, side))
        return sum((order.left for order in chosen), ZERO)

    def result(self) -> Decimal:
        """Return the day's result at the present prices."""
        return self.cash + sum((self.positions[symbol] * self.prices[symbol] for symbol in SYMBOLS), ZERO)

    def snapshot(self) -> Snapshot:
        """Return what a desk would show the limits."""
        views = {
            symbol: SymbolView(
                rules=RULES[symbol], position=self.positions[symbol], open_buys=self.open_amount(symbol, "BUY"),
                open_sells=self.open_amount(symbol, "SELL"), bid=self.prices[symbol], ask=self.prices[symbol],
                mark=self.prices[symbol],
            )
            for symbol in SYMBOLS
        }  # fmt: skip
        return Snapshot(
            control=self.control(), control_error=None, reconciling=None, symbols=views,
            open_orders=len(self.orders), orders_last_minute=sum(1 for each in self.times if each > self.now - 60),
            orders_last_ten_seconds=sum(1 for each in self.times if each > self.now - 10),
            day_result=self.result(), share=self.share,
        )  # fmt: skip

    def judge(self, request: OrderRequest, reduces: bool) -> None:  # noqa: FBT001
        """Add everything up anew, the new order included, and hold it against each limit."""
        assert self.trading is not Trading.HALTED
        assert reduces or self.trading is Trading.ACTIVE
        assert len(self.orders) <= (self.limits.max_open_orders or 0)
        assert sum(1 for each in self.times if each > self.now - 60) <= (self.limits.max_orders_per_minute or 0)
        assert sum(1 for each in self.times if each > self.now - 10) <= (self.share.orders or 0)
        price = request.price or self.prices[request.symbol]
        assert self.limits.max_order_notional is None or request.quantity * price <= self.limits.max_order_notional
        if reduces:
            return
        worst = ZERO
        for symbol in SYMBOLS:
            up = self.positions[symbol] + self.open_amount(symbol, "BUY")
            down = self.positions[symbol] - self.open_amount(symbol, "SELL")
            worst += max(abs(up), abs(down)) * self.prices[symbol]
        assert self.limits.max_position_notional is None or worst <= self.limits.max_position_notional
        assert self.share.error is None
        assert self.share.exposure is None or worst <= self.share.exposure
        assert self.limits.max_daily_loss is None or -self.result() < self.limits.max_daily_loss
        assert self.share.loss is None or -self.result() < self.share.loss

    @rule(
        symbol=st.sampled_from(SYMBOLS), side=st.sampled_from(("BUY", "SELL")), quantity=st.integers(1, 8),
        offset=st.sampled_from((None, -20, 0, 20)),
    )  # fmt: skip
    def submit(self, symbol: str, side: str, quantity: int, offset: int | None) -> None:
        """Ask for an order; one let through is reserved in the same step."""
        price = None if offset is None else self.prices[symbol] + offset
        request = OrderRequest(
            symbol=symbol,
            side=side,
            type="MARKET" if price is None else "LIMIT",
            quantity=Decimal(quantity),
            price=price,
        )
        snapshot = self.snapshot()
        if find_denial(request, snapshot) is None:
            reduces = is_reducing(request, snapshot.symbols[symbol])
            self.orders.append(Resting(request, request.quantity))
            self.times.append(self.now)
            self.judge(request, reduces)

    @rule(index=st.integers(0, 9), part=st.sampled_from((50, 100)))
    def fill(self, index: int, part: int) -> None:
        """An open order trades, at its own price or the market's."""
        if not self.orders:
            return
        order = self.orders[index % len(self.orders)]
        amount = order.left * part / 100
        price = order.request.price or self.prices[order.request.symbol]
        sign = 1 if order.request.side == "BUY" else -1
        self.positions[order.request.symbol] += sign * amount
        self.cash -= sign * amount * price
        order.left -= amount
        if not order.left:
            self.orders.remove(order)

    @rule(index=st.integers(0, 9))
    def cancel(self, index: int) -> None:
        """An open order is gone."""
        if self.orders:
            self.orders.pop(index % len(self.orders))

    @rule(symbol=st.sampled_from(SYMBOLS), price=st.sampled_from((60, 90, 100, 110, 150)))
    def move(self, symbol: str, price: int) -> None:
        """The market moves."""
        self.prices[symbol] = Decimal(price)

    @rule(seconds=st.sampled_from((1, 11, 61)))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.now += seconds

    @rule(trading=st.sampled_from(list(Trading)))
    def switch(self, trading: Trading) -> None:
        """The switch is moved."""
        self.trading = trading

    @rule(
        position=st.sampled_from((None, 300, 1000)), order=st.sampled_from((None, 200, 500)),
        count=st.sampled_from((1, 3)), rate=st.sampled_from((2, 5)), loss=st.sampled_from((None, 10, 50)),
    )  # fmt: skip
    def change_limits(self, position: int | None, order: int | None, count: int, rate: int, loss: int | None) -> None:
        """The limits are raised or lowered while orders are open."""
        self.limits = Limits(
            max_order_notional=None if order is None else Decimal(order),
            max_position_notional=None if position is None else Decimal(position),
            max_open_orders=count, max_orders_per_minute=rate, max_daily_loss=None if loss is None else Decimal(loss),
        )  # fmt: skip

    @rule(
        error=st.sampled_from((None, None, None, "no answer")), exposure=st.sampled_from((None, 0, 400, 800)),
        loss=st.sampled_from((None, -10, 0, 40)), orders=st.sampled_from((1, 4)),
    )  # fmt: skip
    def change_share(self, error: str | None, exposure: int | None, loss: int | None, orders: int) -> None:
        """Another lease comes, or none."""
        self.share = Share(
            error=error, exposure=None if exposure is None else Decimal(exposure),
            loss=None if loss is None else Decimal(loss), orders=orders,
        )  # fmt: skip

    @invariant()
    def breach_is_told(self) -> None:
        """Whatever stands beyond a limit is named."""
        snapshot = self.snapshot()
        worst = sum((view.worst_position * (view.mark or ZERO) for view in snapshot.symbols.values()), ZERO)
        limit, loss = self.limits.max_position_notional, self.limits.max_daily_loss
        beyond = (limit is not None and worst > limit) or (loss is not None and -self.result() >= loss)
        beyond = beyond or (self.share.exposure is not None and worst > self.share.exposure)
        beyond = beyond or (self.share.loss is not None and -self.result() >= self.share.loss)
        assert (find_breach(snapshot) is not None) == beyond


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
