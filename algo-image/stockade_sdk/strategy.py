"""The class an author subclasses: callbacks to override, verbs to call."""

import logging

from stockade_sdk.broker import Broker
from stockade_sdk.errors import UnknownSymbolError
from stockade_sdk.instruments import Instrument
from stockade_sdk.market import Bar, OrderBook, QuoteTick, TradeTick
from stockade_sdk.numbers import Money, format_money, format_optional_money
from stockade_sdk.orders import Order, Position
from stockade_sdk.parameters import Parameters
from stockade_wire.messages import OrderType, Side, TimeInForce, TradingState


class Strategy:
    """A trading algorithm.

    Callbacks run one at a time in one thread; one that takes long delays all that follow, and the gateway calls an
    algorithm silent that gives no sign of life. An exception in a callback stops the algorithm and shows its file and
    line in the Algorithm's status.

    Every verb answers at once; what becomes of an order comes by `on_order_*`. Verbs raise GatewayGoneError while the
    gateway is away.
    """

    parameters: Parameters = Parameters()
    """Name your own model in the subclass, `parameters: MyParameters`; the Algorithm's `parameters` fill it."""

    log: logging.Logger = logging.getLogger("algorithm")
    """Goes to the algorithm's log, as does `print`."""

    _broker: Broker

    # --- Callbacks: override what you need ----------------------------------------------------------------------------

    def on_start(self) -> None:
        """Positions and open orders are known: subscribe, set timers."""

    def on_stop(self) -> None:
        """The algorithm is being stopped; the gateway carries out the Algorithm's `onStop` after this."""

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Best bid or ask of a symbol from `subscribe_quotes`."""

    def on_trade_tick(self, tick: TradeTick) -> None:
        """A public trade of a symbol from `subscribe_trades`."""

    def on_bar(self, bar: Bar) -> None:
        """A candlestick of a symbol from `subscribe_bars` closed."""

    def on_order_book(self, book: OrderBook) -> None:
        """The best levels of a symbol from `subscribe_order_book`."""

    def on_timer(self, name: str) -> None:
        """A timer of `set_timer` is due."""

    def on_order_submitted(self, order: Order) -> None:
        """The gateway sent the order to the exchange."""

    def on_order_accepted(self, order: Order) -> None:
        """The exchange has the order."""

    def on_order_partially_filled(self, order: Order) -> None:
        """A part of the order was executed: `order.last_fill`."""

    def on_order_filled(self, order: Order) -> None:
        """The rest of the order was executed: `order.last_fill`."""

    def on_order_canceled(self, order: Order) -> None:
        """The order is canceled."""

    def on_order_denied(self, order: Order) -> None:
        """A limit forbade the order; it never left the pod. `order.reason` starts with the limit's code."""

    def on_order_rejected(self, order: Order) -> None:
        """The exchange refused the order, with its words in `order.reason`."""

    def on_order_expired(self, order: Order) -> None:
        """The exchange ended the order, e.g. what an IOC order left unfilled."""

    def on_position_changed(self, position: Position) -> None:
        """A fill changed the algorithm's own position."""

    def on_gap(self, missed: int) -> None:
        """Too slow: `missed` market data records, of any symbol, were overwritten before they could be read."""

    def on_disconnect(self) -> None:
        """The gateway is away, or it lost the exchange; orders are refused until `on_reconnect`."""

    def on_reconnect(self) -> None:
        """All is connected again; orders and positions are up to date, subscriptions and timers go on."""

    def on_trading_changed(self, trading: TradingState) -> None:
        """The kill switch moved: `Active`, `Reducing` (only what lowers the position) or `Halted` (only cancels)."""

    # --- Verbs --------------------------------------------------------------------------------------------------------

    def buy(self, symbol: str, quantity: Money, price: Money | None = None) -> Order:
        """Buy at the market, or with a `price` by a GTC limit order."""
        return self.submit_order(symbol, "BUY", quantity, price=price)

    def sell(self, symbol: str, quantity: Money, price: Money | None = None) -> Order:
        """Sell at the market, or with a `price` by a GTC limit order."""
        return self.submit_order(symbol, "SELL", quantity, price=price)

    def submit_order(
        self,
        symbol: str,
        side: Side,
        quantity: Money,
        *,
        type: OrderType | None = None,  # noqa: A002 - the exchange's own word
        price: Money | None = None,
        stop_price: Money | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> Order:
        """Ask for any kind of order and return it as SUBMITTED or DENIED.

        Without a `type` it is a LIMIT order when there is a price and a MARKET order when there is none; a LIMIT
        order is GTC unless told otherwise. Numbers are not rounded for you: see `instrument`. Raises
        OrderArgumentError, GatewayGoneError.
        """
        kind: OrderType = type or ("MARKET" if price is None else "LIMIT")
        if time_in_force is None and kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            time_in_force = "GTC"
        return self._broker.submit_order(
            symbol=symbol,
            side=side,
            type=kind,
            quantity=format_money("quantity", quantity),
            price=format_optional_money("price", price),
            stop_price=format_optional_money("stop_price", stop_price),
            time_in_force=time_in_force,
        )

    def cancel_order(self, order: Order | str) -> bool:
        """Ask to cancel an order or client order id; False when it is not open any more."""
        return self._broker.cancel_order(order if isinstance(order, str) else order.client_order_id)

    def cancel_all_orders(self, symbol: str | None = None) -> None:
        """Ask to cancel every open order, or those of one symbol."""
        self._broker.cancel_all_orders(symbol)

    def close_position(self, symbol: str) -> Order | None:
        """Bring a position to zero by a market order; None when it is less than the exchange's smallest step."""
        held = self.position(symbol).quantity
        quantity = self.instrument(symbol).round_quantity(abs(held))
        if not quantity:
            return None
        return self.submit_order(symbol, "SELL" if held > 0 else "BUY", quantity)

    def subscribe_quotes(self, symbol: str) -> None:
        """Have `on_quote_tick` called."""
        self._broker.subscribe(symbol, "quote")

    def subscribe_trades(self, symbol: str) -> None:
        """Have `on_trade_tick` called."""
        self._broker.subscribe(symbol, "trade")

    def subscribe_bars(self, symbol: str) -> None:
        """Have `on_bar` called once a minute."""
        self._broker.subscribe(symbol, "bar")

    def subscribe_order_book(self, symbol: str) -> None:
        """Have `on_order_book` called."""
        self._broker.subscribe(symbol, "book")

    def set_timer(self, name: str, seconds: float, *, repeat: bool = True) -> None:
        """Have `on_timer(name)` called after, or every, so many seconds; a timer of the same name is replaced."""
        self._broker.set_timer(name, seconds, repeat=repeat)

    def cancel_timer(self, name: str) -> None:
        """Forget a timer."""
        self._broker.cancel_timer(name)

    # --- What is known ------------------------------------------------------------------------------------------------

    @property
    def symbols(self) -> tuple[str, ...]:
        """The Algorithm's `symbols`."""
        return self._broker.symbols

    @property
    def trading(self) -> TradingState:
        """Where the kill switch stands."""
        return self._broker.trading

    @property
    def connected(self) -> bool:
        """False between `on_disconnect` and `on_reconnect`."""
        return self._broker.connected

    @property
    def now_ns(self) -> int:
        """The time in nanoseconds since the epoch; use this and not `time.time`, so that a backtest can set it."""
        return self._broker.now_ns()

    def instrument(self, symbol: str) -> Instrument:
        """Return a symbol's filters and rounding."""
        return self._broker.instrument(symbol)

    def position(self, symbol: str) -> Position:
        """Return the algorithm's own position; an empty one before the first fill."""
        return self._broker.position(symbol)

    def open_orders(self, symbol: str | None = None) -> tuple[Order, ...]:
        """Return the algorithm's orders that may still be filled, oldest first."""
        if symbol is not None and symbol not in self.symbols:
            raise UnknownSymbolError(f"{symbol} is not among the Algorithm's symbols: {', '.join(self.symbols)}")
        return tuple(order for order in self._broker.open_orders() if symbol in (None, order.symbol))

    def last_quote(self, symbol: str) -> QuoteTick | None:
        """Return the newest best bid and ask, without a subscription; None before the first."""
        return self._broker.last_quote(symbol)

    def last_trade(self, symbol: str) -> TradeTick | None:
        """Return the newest public trade, without a subscription; None before the first."""
        return self._broker.last_trade(symbol)


def bind_strategy(strategy: Strategy, broker: Broker, parameters: Parameters) -> None:
    """Connect a strategy to what runs it.

    A function and no constructor, so that an author's own `__init__` needs no super().
    """
    strategy._broker = broker  # noqa: SLF001 - this module's own class
    strategy.parameters = parameters
