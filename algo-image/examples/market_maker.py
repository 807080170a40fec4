"""Market maker: keeps one order to buy below the price and one to sell above it.

Earns the spread while the price goes up and down, and loses when it goes one way: `max_position` bounds how much it
may hold. Its orders are LIMIT_MAKER, so that it never pays a taker's fee.
"""

from decimal import Decimal

from pydantic import Field

from stockade_sdk import Order, Parameters, QuoteTick, Side, Strategy


class MarketMakerParameters(Parameters):
    """What may be set in the Algorithm's `parameters`."""

    quantity: Decimal = Field(default=Decimal("0.001"), gt=0, description="amount of each order")
    spread_percent: Decimal = Field(default=Decimal("0.1"), gt=0, le=10, description="distance between the two orders")
    max_position: Decimal = Field(default=Decimal("0.005"), gt=0, description="stop buying with this much in hand")
    refresh_seconds: float = Field(
        default=2.0, ge=0.5, le=3600, description="how often the orders are compared to the price"
    )


class MarketMaker(Strategy):
    """Quotes its first symbol on both sides."""

    parameters: MarketMakerParameters

    def on_start(self) -> None:
        """Start with a clean book: orders of an earlier run are at old prices."""
        self.symbol = self.symbols[0]
        self.cancel_all_orders(self.symbol)
        self.set_timer("refresh", self.parameters.refresh_seconds)

    def on_timer(self, name: str) -> None:
        """Cancel what is too far from where it should be, and quote what is missing."""
        quote = self.last_quote(self.symbol)
        if quote is None or self.trading == "Halted" or not self.connected:
            return
        self.requote("BUY", quote)
        self.requote("SELL", quote)

    def requote(self, side: Side, quote: QuoteTick) -> None:
        """Bring one side's order to its price; a new one follows when the old one is gone."""
        price = self.find_price(side, quote)
        working = [order for order in self.open_orders(self.symbol) if order.side == side]
        for order in working:
            if order.price is None or abs(order.price - price) > quote.mid_price * self.parameters.spread_percent / 400:
                self.cancel_order(order)
        quantity = self.find_quantity(side)
        if not working and quantity >= self.instrument(self.symbol).smallest_quantity(price):
            self.submit_order(self.symbol, side, quantity, type="LIMIT_MAKER", price=price)

    def find_price(self, side: Side, quote: QuoteTick) -> Decimal:
        """Return half the spread away from the middle, and never across the market."""
        offset = quote.mid_price * self.parameters.spread_percent / 200
        instrument = self.instrument(self.symbol)
        if side == "BUY":
            return instrument.round_price(min(quote.mid_price - offset, quote.bid_price))
        return instrument.round_price(max(quote.mid_price + offset, quote.ask_price))

    def find_quantity(self, side: Side) -> Decimal:
        """Return how much to quote: on the spot market, no more can be sold than is held."""
        held = self.position(self.symbol).quantity
        room = self.parameters.max_position - held if side == "BUY" else held
        return self.instrument(self.symbol).round_quantity(min(self.parameters.quantity, room))

    def on_order_filled(self, order: Order) -> None:
        """Say what was bought or sold."""
        self.log.info("%s %s filled at %s", order.side, order.quantity, order.average_price)

    def on_order_denied(self, order: Order) -> None:
        """Say which limit said no; the next refresh tries again."""
        self.log.warning("%s denied: %s", order.side, order.reason)

    def on_stop(self) -> None:
        """Leave nothing behind."""
        self.cancel_all_orders(self.symbol)
