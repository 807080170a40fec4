"""The algorithm of the replay test: prints all it sees, and trades while it looks."""

from decimal import Decimal

from stockade_sdk import Order, QuoteTick, Strategy, TradeTick


class Recorder(Strategy):
    """Prints each tick, each fill and each gap on a line of its own."""

    def on_start(self) -> None:
        """Listen to everything; the orders come with the trades."""
        self.seen = 0
        self.subscribe_quotes("BTCUSDT")
        self.subscribe_trades("BTCUSDT")
        print("STARTED", flush=True)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Print one quote."""
        print("QUOTE", tick.bid_price, tick.bid_quantity, tick.ask_price, tick.ask_quantity, flush=True)

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Print one trade; buy and sell at some of them, in the middle of it all."""
        print("TRADE", tick.trade_id, tick.price, tick.quantity, str(tick.buyer_is_maker).lower(), flush=True)
        self.seen += 1
        if self.seen in {300, 600}:
            self.buy("BTCUSDT", Decimal("0.002"))
        elif self.seen == 900:
            self.sell("BTCUSDT", Decimal("0.001"))
        elif self.seen == 1000:
            self.buy("BTCUSDT", Decimal("0.001"), self.instrument("BTCUSDT").round_price(tick.price))
        elif self.seen == 1500:
            self.cancel_all_orders("BTCUSDT")
            self.sell("BTCUSDT", Decimal("0.001"))

    def on_order_filled(self, order: Order) -> None:
        """Print that an order is done."""
        print("FILLED", order.client_order_id, flush=True)

    def on_gap(self, missed: int) -> None:
        """Print what the ring lost."""
        print("GAP", missed, flush=True)
