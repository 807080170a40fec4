"""Momentum: buys a small amount while the price rises and sells it when it falls.

Looks at the last few seconds of trades only, so it trades often: made to show every part of the platform at work
within half a minute. Its weakness: fees. On a real market, a signal this short loses more by commission than it wins.
"""

from collections import deque
from decimal import Decimal

from pydantic import Field

from stockade_sdk import Order, Parameters, Strategy, TradeTick


class MomentumParameters(Parameters):
    """What may be set in the Algorithm's `parameters`."""

    quantity: Decimal | None = Field(
        default=None, gt=0, description="amount to buy; twice the exchange's smallest if empty"
    )
    lookback_seconds: float = Field(default=3.0, gt=0, le=3600, description="how far back the price is compared")
    decide_seconds: float = Field(default=1.0, ge=0.1, le=3600, description="pause between two decisions")
    hold_seconds: float = Field(default=6.0, ge=0, le=86400, description="shortest time between two orders")
    pause_seconds: float = Field(default=15.0, ge=0, le=86400, description="rest after an order was denied or rejected")


class Momentum(Strategy):
    """Holds `quantity` of its first symbol while the price is above that of `lookback_seconds` ago."""

    parameters: MomentumParameters

    def on_start(self) -> None:
        """Start listening and deciding."""
        self.symbol = self.symbols[0]
        self.trades: deque[TradeTick] = deque()
        self.rest_until_ns = 0
        self.subscribe_trades(self.symbol)
        self.set_timer("decide", self.parameters.decide_seconds)
        self.log.info("momentum on %s, holding %s", self.symbol, self.position(self.symbol).quantity)

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Remember the trades of the look-back."""
        self.trades.append(tick)
        oldest_ns = tick.received_time_ns - int(self.parameters.lookback_seconds * 1e9)
        while self.trades[0].received_time_ns < oldest_ns:
            self.trades.popleft()

    def on_timer(self, name: str) -> None:
        """Decide."""
        if len(self.trades) < 2 or self.open_orders(self.symbol) or self.now_ns < self.rest_until_ns:
            return
        before, now = self.trades[0].price, self.trades[-1].price
        instrument, held = self.instrument(self.symbol), self.position(self.symbol).quantity
        # The exchange takes its fee from what was bought, so a sale leaves a little that is too small to be sold.
        holding = held >= instrument.smallest_quantity(now)
        if now > before and not holding:
            quantity = instrument.round_quantity(self.parameters.quantity or 2 * instrument.smallest_quantity(now))
            self.log.info("%s rose from %s to %s: buying %s", self.symbol, before, now, quantity)
            self.buy(self.symbol, quantity)
            self.rest(self.parameters.hold_seconds)
        elif now < before and holding:
            self.log.info("%s fell from %s to %s: selling %s", self.symbol, before, now, held)
            self.close_position(self.symbol)
            self.rest(self.parameters.hold_seconds)

    def rest(self, seconds: float) -> None:
        """Decide nothing for so long."""
        self.rest_until_ns = max(self.rest_until_ns, self.now_ns + int(seconds * 1e9))

    def on_order_filled(self, order: Order) -> None:
        """Say what was bought or sold."""
        self.log.info("%s %s filled at %s", order.side, order.quantity, order.average_price)

    def on_order_denied(self, order: Order) -> None:
        """A limit said no: asking again at once would not help."""
        self.log.warning("%s denied: %s", order.side, order.reason)
        self.rest(self.parameters.pause_seconds)

    def on_order_rejected(self, order: Order) -> None:
        """The exchange said no."""
        self.log.warning("%s rejected: %s", order.side, order.reason)
        self.rest(self.parameters.pause_seconds)

    def on_gap(self, missed: int) -> None:
        """Old prices are no base for a decision."""
        self.log.warning("missed %d records", missed)
        self.trades.clear()
