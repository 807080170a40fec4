"""Dollar-cost averaging: buys for the same amount of money at regular times.

The longest-lived of all strategies. Its weakness: it never sells. What it has bought so far is counted in the
gateway, so a restart neither forgets nor repeats; the clock starts anew with it.
"""

from decimal import Decimal

from pydantic import Field

from stockade_sdk import Order, Parameters, Strategy


class DcaParameters(Parameters):
    """What may be set in the Algorithm's `parameters`."""

    spend: Decimal = Field(default=Decimal(20), gt=0, description="money for each purchase, in the quote asset")
    every_seconds: float = Field(default=3600.0, ge=1, description="time between two purchases")
    max_position: Decimal | None = Field(default=None, gt=0, description="stop with this much in hand; never if empty")


class Dca(Strategy):
    """Buys its symbols one after the other."""

    parameters: DcaParameters

    def on_start(self) -> None:
        """Buy for the first time after one interval, so that a restart is no extra purchase."""
        self.set_timer("buy", self.parameters.every_seconds)
        self.turn = 0

    def on_timer(self, name: str) -> None:
        """Buy the symbol whose turn it is."""
        symbol = self.symbols[self.turn % len(self.symbols)]
        self.turn += 1
        quote = self.last_quote(symbol)
        if quote is None:
            self.log.warning("no price of %s yet", symbol)
            return
        limit = self.parameters.max_position
        if limit is not None and self.position(symbol).quantity >= limit:
            self.log.info("%s: %s in hand, enough", symbol, self.position(symbol).quantity)
            return
        instrument = self.instrument(symbol)
        quantity = instrument.round_quantity(self.parameters.spend / quote.ask_price)
        if quantity < instrument.smallest_quantity(quote.ask_price):
            self.log.warning("%s %s is less than the exchange takes", self.parameters.spend, instrument.quote)
            return
        self.buy(symbol, quantity)

    def on_order_filled(self, order: Order) -> None:
        """Say what was bought, and the average so far."""
        position = self.position(order.symbol)
        self.log.info("bought %s at %s; held %s", order.quantity, order.average_price, position.quantity)

    def on_order_denied(self, order: Order) -> None:
        """Say which limit said no; the next turn tries again."""
        self.log.warning("denied: %s", order.reason)
