"""Bracket: buys, then sells by whichever comes first, a gain above the price or a loss below it.

The two sales are one OCO: the exchange cancels the other when one of them trades, also while this algorithm is away.
Its weakness: it buys without any reason but that it holds nothing, and a price that falls in one leap is sold well
below the stop.
"""

from decimal import Decimal
from typing import Any

from pydantic import Field

from stockade_sdk import Leg, Order, Parameters, QuoteTick, Strategy


class BracketParameters(Parameters):
    """What may be set in the Algorithm's `parameters`."""

    quantity: Decimal | None = Field(
        default=None, gt=0, description="amount to buy; four times the exchange's smallest if empty"
    )
    gain_percent: Decimal = Field(
        default=Decimal("0.5"), gt=0, le=100, description="sell this far above the price paid"
    )
    loss_percent: Decimal = Field(default=Decimal("0.5"), gt=0, le=50, description="or this far below it")
    pause_seconds: float = Field(default=30.0, ge=0, le=86400, description="rest after each sale")


class Bracket(Strategy):
    """Holds `quantity` of its first symbol between two orders that sell it."""

    parameters: BracketParameters
    gains = 0
    losses = 0

    def on_load(self, state: Any) -> None:
        """Go on counting."""
        self.gains, self.losses = state["gains"], state["losses"]

    def on_save(self) -> dict[str, Any]:
        """Keep the count; orders and position are the gateway's to remember."""
        return {"gains": self.gains, "losses": self.losses}

    def on_start(self) -> None:
        """Start listening; what is held from before and has no orders around it gets them."""
        self.symbol = self.symbols[0]
        self.rest_until_ns = 0
        self.subscribe_quotes(self.symbol)
        self.log.info("%d gains and %d losses so far", self.gains, self.losses)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Buy when nothing is held; put orders around what is."""
        if self.open_orders(self.symbol) or self.now_ns < self.rest_until_ns:
            return
        instrument, position = self.instrument(self.symbol), self.position(self.symbol)
        smallest = instrument.smallest_quantity(tick.bid_price * (1 - self.parameters.loss_percent / 100))
        if position.quantity < smallest:
            self.buy(self.symbol, instrument.round_quantity(self.parameters.quantity or 4 * smallest))
        else:
            self.protect(position.average_price or tick.bid_price, position.quantity)

    def protect(self, paid: Decimal, quantity: Decimal) -> None:
        """Sell a little above or a little below what was paid."""
        instrument = self.instrument(self.symbol)
        gain, loss = paid * self.parameters.gain_percent / 100, paid * self.parameters.loss_percent / 100
        bracket = self.submit_oco(
            self.symbol,
            "SELL",
            instrument.round_quantity(quantity),
            above=Leg("LIMIT_MAKER", price=instrument.round_price(paid + gain)),
            below=Leg("STOP_LOSS", stop_price=instrument.round_price(paid - loss)),
        )
        if bracket.is_denied:
            self.rest()

    def rest(self) -> None:
        """Do nothing for a while."""
        self.rest_until_ns = self.now_ns + int(self.parameters.pause_seconds * 1e9)

    def on_order_filled(self, order: Order) -> None:
        """Count what was sold."""
        if order.side == "BUY":
            return
        if order.type == "LIMIT_MAKER":
            self.gains += 1
        else:
            self.losses += 1
        self.log.info("sold at %s: %d gains, %d losses", order.average_price, self.gains, self.losses)
        self.rest()

    def on_order_denied(self, order: Order) -> None:
        """A limit said no: asking again at once would not help."""
        self.log.warning("%s denied: %s", order.side, order.reason)
        self.rest()

    def on_order_rejected(self, order: Order) -> None:
        """The exchange said no, as it does when the price has left the bracket already: sell at the market."""
        self.log.warning("%s rejected: %s", order.side, order.reason)
        if order.list_id is not None and not self.open_orders(self.symbol):
            self.close_position(self.symbol)
        self.rest()
