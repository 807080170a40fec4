"""Crossover of two averages: holds while the fast average of one-minute closes is above the slow one.

The textbook's first strategy. Its weakness: in a market without direction it buys high and sells low, again and again.
"""

from collections import deque
from decimal import Decimal

from pydantic import Field, model_validator

from stockade_sdk import Bar, Order, Parameters, Strategy


class BarsCrossoverParameters(Parameters):
    """What may be set in the Algorithm's `parameters`."""

    fast: int = Field(default=3, ge=1, le=500, description="bars of the fast average")
    slow: int = Field(default=8, ge=2, le=1000, description="bars of the slow average")
    quantity: Decimal = Field(default=Decimal("0.001"), gt=0, description="amount to hold")

    @model_validator(mode="after")
    def check_order(self) -> "BarsCrossoverParameters":
        """The fast average has to be the faster one."""
        if self.fast >= self.slow:
            raise ValueError(f"fast is {self.fast} and slow {self.slow}: fast has to be the smaller")
        return self


class BarsCrossover(Strategy):
    """Holds `quantity` of its first symbol, or nothing."""

    parameters: BarsCrossoverParameters

    def on_start(self) -> None:
        """Start listening."""
        self.symbol = self.symbols[0]
        self.closes: deque[Decimal] = deque(maxlen=self.parameters.slow)
        self.subscribe_bars(self.symbol)

    def on_bar(self, bar: Bar) -> None:
        """Compare the averages once there are enough bars."""
        self.closes.append(bar.close)
        if len(self.closes) < self.parameters.slow or self.open_orders(self.symbol):
            return
        fast = self.average(self.parameters.fast)
        slow = self.average(self.parameters.slow)
        instrument, held = self.instrument(self.symbol), self.position(self.symbol).quantity
        # The exchange takes its fee from what was bought, so a sale leaves a little that is too small to be sold.
        holding = held >= instrument.smallest_quantity(bar.close)
        if fast > slow and not holding:
            self.log.info("fast %.2f above slow %.2f: buying", fast, slow)
            self.buy(self.symbol, instrument.round_quantity(self.parameters.quantity))
        elif fast < slow and holding:
            self.log.info("fast %.2f below slow %.2f: selling", fast, slow)
            self.close_position(self.symbol)

    def average(self, count: int) -> Decimal:
        """Return the mean of the last `count` closes."""
        return sum([*self.closes][-count:], Decimal(0)) / count

    def on_order_denied(self, order: Order) -> None:
        """Say which limit said no."""
        self.log.warning("%s denied: %s", order.side, order.reason)
