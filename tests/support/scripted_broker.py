"""A Broker that a test drives by hand: prices, time, and what becomes of orders.

Market orders fill at once at the last quote; limit orders stay open until the test fills them.
"""

import importlib.util
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from stockade_sdk import Bar, Instrument, Order, OrderList, Parameters, Position, QuoteTick, Strategy, TradeTick
from stockade_sdk.strategy import bind_strategy
from stockade_wire.messages import FeedKind, OrderLeg, OrderType, Side, TimeInForce, TradingState

FEE = Decimal("0.001")
EXAMPLES = Path(__file__).resolve().parents[2] / "algo-image" / "examples"


class ScriptedBroker:
    """Every verb takes effect at once; callbacks for orders are made by `settle`."""

    def __init__(self, symbols: tuple[str, ...] = ("BTCUSDT",)) -> None:
        self.symbols = symbols
        self.trading: TradingState = "Active"
        self.connected = True
        self.denial: str | None = None
        """When set, every order is denied with it."""
        self.submitted: list[Order] = []
        self.subscriptions: list[tuple[str, FeedKind]] = []
        self.timers: dict[str, float] = {}
        self.clock_ns = 1_764_100_000_000_000_000
        self._open: dict[str, Order] = {}
        self._to_tell: list[Order] = []
        self._positions: dict[str, Position] = {}
        self._quotes: dict[str, QuoteTick] = {}
        self._numbers = itertools.count(1)

    # --- What a strategy asks -----------------------------------------------------------------------------------------

    def submit_order(
        self,
        *,
        symbol: str,
        side: Side,
        type: OrderType,  # noqa: A002 - the exchange's own word
        quantity: str,
        price: str | None,
        stop_price: str | None,
        time_in_force: TimeInForce | None,
        trailing_delta: int | None = None,
    ) -> Order:
        """Deny, fill or keep an order."""
        order = Order(
            client_order_id=f"sk-{next(self._numbers)}",
            symbol=symbol,
            side=side,
            type=type,
            state="DENIED" if self.denial else "SUBMITTED",
            quantity=Decimal(quantity),
            price=None if price is None else Decimal(price),
            stop_price=None if stop_price is None else Decimal(stop_price),
            time_in_force=time_in_force,
            trailing_delta=trailing_delta,
            reason=self.denial,
        )
        self.submitted.append(order)
        if self.denial:
            self._to_tell.append(order)
        elif type == "MARKET":
            quote = self._quotes[symbol]
            self._fill(order, quote.ask_price if side == "BUY" else quote.bid_price)
        else:
            self._open[order.client_order_id] = order
        return order

    def submit_order_list(
        self, *, symbol: str, side: Side, quantity: str, above: OrderLeg, below: OrderLeg
    ) -> OrderList:
        """Deny or keep two orders; the test decides which of them fills."""
        name = f"sk-{next(self._numbers)}"
        orders = [
            self.submit_order(
                symbol=symbol,
                side=side,
                type=leg.type,
                quantity=quantity,
                price=leg.price,
                stop_price=leg.stop_price,
                time_in_force=leg.time_in_force,
                trailing_delta=leg.trailing_delta,
            )
            for leg in (above, below)
        ]
        return OrderList(name, orders[0], orders[1])

    def amend_order(self, client_order_id: str, quantity: str) -> bool:
        """Lower an open order's quantity."""
        order = self._open.get(client_order_id)
        if order is not None:
            self._open[client_order_id] = msgspec.structs.replace(order, quantity=Decimal(quantity))
        return order is not None

    def replace_order(self, order: Order, *, quantity: str, terms: OrderLeg) -> Order:
        """Cancel an order and keep another."""
        self.cancel_order(order.client_order_id)
        return self.submit_order(
            symbol=order.symbol,
            side=order.side,
            type=terms.type,
            quantity=quantity,
            price=terms.price,
            stop_price=terms.stop_price,
            time_in_force=terms.time_in_force,
        )

    def cancel_order(self, client_order_id: str) -> bool:
        """Cancel an open order."""
        order = self._open.pop(client_order_id, None)
        if order is not None:
            self._to_tell.append(msgspec.structs.replace(order, state="CANCELED"))
        return order is not None

    def cancel_all_orders(self, symbol: str | None) -> None:
        """Cancel every open order."""
        for order in self.open_orders():
            if symbol in (None, order.symbol):
                self.cancel_order(order.client_order_id)

    def subscribe(self, symbol: str, kind: FeedKind) -> None:
        """Write down a subscription."""
        self.subscriptions.append((symbol, kind))

    def set_timer(self, name: str, seconds: float, *, repeat: bool) -> None:  # noqa: ARG002 - as the docstring says
        """Write down a timer; `repeat` is up to the test."""
        self.timers[name] = seconds

    def cancel_timer(self, name: str) -> None:
        """Forget a timer."""
        self.timers.pop(name, None)

    def instrument(self, symbol: str) -> Instrument:
        """Return filters like those of the exchange."""
        step = Decimal("0.00001")
        return Instrument(symbol, symbol.removesuffix("USDT"), "USDT", Decimal("0.01"), step, step, Decimal(5))

    def position(self, symbol: str) -> Position:
        """Return the position."""
        return self._positions.get(symbol) or Position(symbol)

    def open_orders(self) -> tuple[Order, ...]:
        """Return the open orders."""
        return tuple(self._open.values())

    def last_quote(self, symbol: str) -> QuoteTick | None:
        """Return the last quote."""
        return self._quotes.get(symbol)

    def last_trade(self, symbol: str) -> TradeTick | None:  # noqa: ARG002 - as the docstring says
        """Return None: no example asks."""
        return None

    def now_ns(self) -> int:
        """Return the test's time."""
        return self.clock_ns

    # --- What a test does ---------------------------------------------------------------------------------------------

    def pass_seconds(self, seconds: float) -> None:
        """Move the clock."""
        self.clock_ns += int(seconds * 1e9)

    def set_quote(self, symbol: str, bid: str, ask: str) -> QuoteTick:
        """Set the best bid and ask."""
        one = Decimal(1)
        quote = QuoteTick(symbol, 1, Decimal(bid), one, Decimal(ask), one, self.clock_ns, self.clock_ns)
        self._quotes[symbol] = quote
        return quote

    def make_trade(self, symbol: str, price: str) -> TradeTick:
        """Return a trade of now, and quote around it."""
        self.set_quote(symbol, price, price)
        return TradeTick(symbol, 1, Decimal(price), Decimal(1), False, self.clock_ns, self.clock_ns)  # noqa: FBT003

    def make_bar(self, symbol: str, close: str) -> Bar:
        """Return a one-minute bar of one price, and quote around it."""
        self.set_quote(symbol, close, close)
        price, one = Decimal(close), Decimal(1)
        return Bar(symbol, price, price, price, price, one, price, 1, 0, 60, self.clock_ns, self.clock_ns)

    def fill(self, order: Order, strategy: Strategy) -> None:
        """Fill an open order at its price and tell the strategy."""
        self._fill(self._open.pop(order.client_order_id), order.price or Decimal(0))
        self.settle(strategy)

    def settle(self, strategy: Strategy) -> None:
        """Tell the strategy what became of its orders."""
        while self._to_tell:
            order = self._to_tell.pop(0)
            getattr(strategy, f"on_order_{order.state.lower()}")(order)
            strategy.on_order_event(order)

    def _fill(self, order: Order, price: Decimal) -> None:
        before = self.position(order.symbol).quantity
        # As on the exchange, the fee of a purchase is taken from what was bought.
        change = order.quantity * (1 - FEE) if order.side == "BUY" else -order.quantity
        self._positions[order.symbol] = Position(order.symbol, before + change, price)
        filled = msgspec.structs.replace(order, state="FILLED", filled_quantity=order.quantity, average_price=price)
        self._to_tell.append(filled)


def start_example(name: str, broker: ScriptedBroker, **parameters: Any) -> Strategy:
    """Load an example's file, start its strategy on the broker and return it."""
    path = EXAMPLES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    class_name = "".join(word.capitalize() for word in name.split("_"))
    strategy: Strategy = getattr(module, class_name)()
    model: type[Parameters] = getattr(module, f"{class_name}Parameters")
    bind_strategy(strategy, broker, model.model_validate(parameters))
    strategy.on_start()
    broker.settle(strategy)
    return strategy
