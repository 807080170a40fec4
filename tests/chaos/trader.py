"""What each algorithm of a chaos run does: a bit of everything, at random, sometimes more than it may.

Its text is what the algorithms' processes run; the judge knows nothing of it.
"""

import random
from decimal import Decimal
from typing import Literal

from stockade_sdk import Leg, Order, Parameters, Strategy

Side = Literal["BUY", "SELL"]
Lasting = Literal["GTC", "IOC", "FOK"]
LASTINGS: tuple[Lasting, ...] = ("GTC", "IOC", "FOK")


class TraderParameters(Parameters):
    """What differs between the algorithms of a run."""

    seed: int = 1
    seconds_between_turns: float = 2.0
    cancels: bool = True


class Trader(Strategy):
    """Places, cancels and forgets; whatever comes back is the gateway's business."""

    parameters: TraderParameters = TraderParameters()
    source: random.Random
    turns: int = 0

    def on_start(self) -> None:
        """Begin; after a restart with other numbers than before."""
        self.source = random.Random(f"{self.parameters.seed}/{self.now_ns}")  # noqa: S311 - no secret
        for symbol in self.symbols:
            self.subscribe_quotes(symbol)
        self.set_timer("turn", self.parameters.seconds_between_turns)

    def on_timer(self, name: str) -> None:  # noqa: ARG002 - there is one timer
        """Do one thing."""
        self.turns += 1
        if self.turns == 1:
            # What was just taken off the list still has a fresh price: nothing but the list is against it.
            self.ask_unlisted("")
        symbol = self.source.choice(self.symbols)
        act = self.source.choices(
            [
                self.trade,
                self.rest,
                self.place_stop,
                self.place_list,
                self.ask_too_much,
                self.ask_far_away,
                self.ask_unlisted,
                self.burst,
                self.amend_one,
                self.replace_one,
                self.cancel_one,
                self.cancel_all,
            ],
            [28, 26, 6, 6, 4, 4, 4, 3, 5, 8, 18, 3],
        )[0]
        act(symbol)

    def trade(self, symbol: str) -> None:
        """Take what is there: at the market, or by a limit that must fill at once."""
        side, price = self.draw_side(symbol), self.find_price(symbol)
        if price is None:
            return
        quantity = self.draw_quantity(symbol, price)
        if self.source.random() < 0.4:
            self.submit_order(symbol, side, quantity)
            return
        through = Decimal("1.0005") if side == "BUY" else Decimal("0.9995")
        limit = self.instrument(symbol).round_price(price * through)
        lasting: Lasting = self.source.choice(LASTINGS)
        self.submit_order(symbol, side, quantity, price=limit, time_in_force=lasting)

    def rest(self, symbol: str) -> None:
        """Wait in the book, near the touch or far away."""
        side, price = self.draw_side(symbol), self.find_price(symbol)
        if price is None:
            return
        away = Decimal(self.source.choice(["0.0001", "0.001", "0.02"])) * (-1 if side == "BUY" else 1)
        limit = self.instrument(symbol).round_price(price * (1 + away))
        quantity = self.draw_quantity(symbol, price)
        if self.source.random() < 0.3:
            self.submit_order(symbol, side, quantity, type="LIMIT_MAKER", price=limit)
        else:
            self.submit_order(symbol, side, quantity, price=limit)

    def place_stop(self, symbol: str) -> None:
        """Sell when it falls a little."""
        price = self.find_price(symbol)
        if price is None:
            return
        stop = self.instrument(symbol).round_price(price * Decimal("0.999"))
        quantity = self.draw_quantity(symbol, price)
        if self.source.random() < 0.3:
            self.submit_order(symbol, "SELL", quantity, type="STOP_LOSS", trailing_delta=10)
        else:
            self.submit_order(symbol, "SELL", quantity, type="STOP_LOSS_LIMIT", price=stop, stop_price=stop)

    def place_list(self, symbol: str) -> None:
        """Take the profit above or stop the loss below, whichever comes first."""
        price = self.find_price(symbol)
        if price is None:
            return
        grid = self.instrument(symbol)
        stop = grid.round_price(price * Decimal("0.999"))
        above = Leg("LIMIT_MAKER", price=grid.round_price(price * Decimal("1.001")))
        below = Leg("STOP_LOSS_LIMIT", price=stop, stop_price=stop, time_in_force="GTC")
        self.submit_oco(symbol, "SELL", self.draw_quantity(symbol, price), above=above, below=below)

    def ask_too_much(self, symbol: str) -> None:
        """Ask for what the limits forbid."""
        price = self.find_price(symbol)
        if price is not None:
            self.buy(symbol, self.draw_quantity(symbol, price) * 40, price=self.instrument(symbol).round_price(price))

    def ask_far_away(self, symbol: str) -> None:
        """Ask for a price that no band allows, and for one that only a wide one does."""
        price = self.find_price(symbol)
        for away in ("0.06", "0.015"):
            if price is not None and self.connected:
                limit = self.instrument(symbol).round_price(price * (1 - Decimal(away)))
                self.buy(symbol, self.draw_quantity(symbol, price), price=limit)

    def ask_unlisted(self, _symbol: str) -> None:
        """Ask for a symbol that is not on the list, past the SDK's own check: an algorithm's process is its own."""
        listed = self.symbols
        for symbol, quantity in (("BTCUSDT", "0.0005"), ("ETHUSDT", "0.01"), ("BNBUSDT", "0.1")):
            if symbol not in listed and self.connected:
                self._broker.symbols = (*listed, symbol)  # type: ignore[misc] # what it must not do
                try:
                    self.submit_order(symbol, "BUY", quantity)
                finally:
                    self._broker.symbols = listed  # type: ignore[misc]

    def burst(self, symbol: str) -> None:
        """Ask for many at once."""
        price = self.find_price(symbol)
        for _ in range(12):
            if price is not None and self.connected:
                limit = self.instrument(symbol).round_price(price * Decimal("0.99"))
                self.buy(symbol, self.draw_quantity(symbol, price), price=limit)

    def amend_one(self, _symbol: str) -> None:
        """Make one smaller, where it stands."""
        orders = [order for order in self.open_orders() if order.price is not None and order.symbol in self.symbols]
        if orders:
            order = self.source.choice(orders)
            self.amend_order(order, self.instrument(order.symbol).round_quantity(order.quantity * Decimal("0.8")))

    def replace_one(self, _symbol: str) -> None:
        """Move one a little nearer."""
        orders = [order for order in self.open_orders() if order.type == "LIMIT" and order.symbol in self.symbols]
        if orders and self.parameters.cancels:
            order = self.source.choice(orders)
            nearer = Decimal("1.0003") if order.side == "BUY" else Decimal("0.9997")
            moved = self.instrument(order.symbol).round_price((order.price or Decimal(0)) * nearer)
            self.replace_order(order, price=moved)

    def cancel_one(self, _symbol: str) -> None:
        """Take one back."""
        orders = self.open_orders()
        if orders and self.parameters.cancels:
            self.cancel_order(self.source.choice(orders))

    def cancel_all(self, symbol: str) -> None:
        """Take all back."""
        if self.parameters.cancels:
            self.cancel_all_orders(symbol)

    def on_order_denied(self, order: Order) -> None:
        """Say why, for whoever reads the log of a run that failed."""
        self.log.info("denied %s: %s", order.client_order_id, order.reason)

    def find_price(self, symbol: str) -> Decimal | None:
        """Return the middle of the market, None while there is none."""
        quote = self.last_quote(symbol)
        return None if quote is None or not self.connected else (quote.bid_price + quote.ask_price) / 2

    def draw_side(self, symbol: str) -> Side:
        """Return a side, more often the one that brings the position back."""
        held = self.position(symbol).quantity
        likely: Side = "SELL" if held > 0 else "BUY"
        return likely if self.source.random() < 0.55 else ("BUY" if likely == "SELL" else "SELL")

    def draw_quantity(self, symbol: str, price: Decimal) -> Decimal:
        """Return a quantity worth 20 to 90 of the quote asset."""
        return self.instrument(symbol).round_quantity(Decimal(self.source.randint(20, 90)) / price)
