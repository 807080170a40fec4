"""The second algorithm: trades while its neighbour attacks, and prints how late each tick reached it."""

import json
import time

from stockade_sdk import Order, QuoteTick, Strategy, TradeTick


class Trader(Strategy):
    """Prints one line a second: delays from the gateway's receipt to the callback, orders, fills and gaps."""

    def on_start(self) -> None:
        """Listen to everything; an order every second."""
        self.delays: list[int] = []
        self.trips: list[int] = []
        self.sent: list[str] = []
        self.filled: list[str] = []
        self.failed: list[str] = []
        self.sent_at: dict[str, int] = {}
        self.missed = 0
        for symbol in self.symbols:
            self.subscribe_quotes(symbol)
            self.subscribe_trades(symbol)
        self.set_timer("report", 1.0)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Note the delay."""
        self.delays.append((time.time_ns() - tick.received_time_ns) // 1000)

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Note the delay."""
        self.delays.append((time.time_ns() - tick.received_time_ns) // 1000)

    def on_timer(self, name: str) -> None:  # noqa: ARG002 - it has one
        """Report the second, and trade."""
        report = {
            "time": time.time(), "delays": self.delays, "trips": self.trips, "sent": self.sent, "filled": self.filled,
            "failed": self.failed, "missed": self.missed,
        }  # fmt: skip
        print("SECOND", json.dumps(report), flush=True)
        self.delays, self.trips, self.sent, self.filled, self.failed, self.missed = [], [], [], [], [], 0
        # A little less is sold than was bought, for the fee.
        order = self.sell("BTCUSDT", "0.0019") if len(self.sent_at) % 2 else self.buy("BTCUSDT", "0.002")
        self.sent.append(order.client_order_id)
        self.sent_at[order.client_order_id] = time.time_ns()

    def on_order_filled(self, order: Order) -> None:
        """Note the order's end, and how long it took."""
        self.filled.append(order.client_order_id)
        self.trips.append((time.time_ns() - self.sent_at.get(order.client_order_id, time.time_ns())) // 1000)

    def on_order_denied(self, order: Order) -> None:
        """Note that it failed."""
        self.failed.append(f"{order.client_order_id}: {order.reason}")

    def on_order_rejected(self, order: Order) -> None:
        """Note that it failed."""
        self.failed.append(f"{order.client_order_id}: {order.reason}")

    def on_order_expired(self, order: Order) -> None:
        """Note that it failed."""
        self.failed.append(f"{order.client_order_id}: {order.reason}")

    def on_gap(self, missed: int) -> None:
        """Count what the ring lost."""
        self.missed += missed
