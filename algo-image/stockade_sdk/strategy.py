"""The class an author subclasses: callbacks to override, verbs to call."""

import logging
from typing import Any

from stockade_sdk.broker import Broker
from stockade_sdk.errors import OrderArgumentError, UnknownSymbolError
from stockade_sdk.instruments import Instrument
from stockade_sdk.market import Bar, OrderBook, QuoteTick, TradeTick
from stockade_sdk.numbers import Money, format_money, format_optional_money
from stockade_sdk.orders import Leg, Order, OrderList, Position
from stockade_sdk.parameters import Parameters
from stockade_wire.messages import OrderLeg, OrderType, Side, TimeInForce, TradingState

State = bytes | dict[str, Any]
"""What a strategy may save."""

_NEEDS_TIME_IN_FORCE = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")


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

    def on_order_amended(self, order: Order) -> None:
        """The order has the smaller `order.quantity` asked for by `amend_order`, and still its place in the queue."""

    def on_order_amend_rejected(self, order: Order) -> None:
        """The order is as it was, for `order.reason`."""

    def on_order_event(self, order: Order) -> None:
        """Anything happened to an order; called after the callback of its own that says what."""

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

    def on_save(self) -> State | None:
        """Return what `on_load` is to find at the next start; asked every half minute and after `on_stop`.

        A dict of what JSON can hold (a Decimal comes back as text), or bytes of your own making; at most 64 KiB. It
        outlives the pod. None saves nothing.
        """
        return None

    def on_load(self, state: State) -> None:
        """Take over what `on_save` returned last; called before `on_start`, unless nothing was ever saved."""

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
        trailing_delta: int | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> Order:
        """Ask for any kind of order and return it as SUBMITTED or DENIED.

        Without a `type` it is a LIMIT order when there is a price and a MARKET order when there is none; a LIMIT
        order is GTC unless told otherwise. A stop or take-profit order with a `trailing_delta` (basis points: 100 is
        1 %) follows the market, from its `stop_price` on or at once. Numbers are not rounded for you: see
        `instrument`. Raises OrderArgumentError, GatewayGoneError.
        """
        kind: OrderType = type or ("MARKET" if price is None else "LIMIT")
        terms = _format_leg(Leg(kind, price, stop_price, trailing_delta, time_in_force))
        return self._broker.submit_order(
            symbol=symbol,
            side=side,
            type=kind,
            quantity=format_money("quantity", quantity),
            price=terms.price,
            stop_price=terms.stop_price,
            time_in_force=terms.time_in_force,
            trailing_delta=terms.trailing_delta,
        )

    def submit_oco(self, symbol: str, side: Side, quantity: Money, *, above: Leg, below: Leg) -> OrderList:
        """Ask for two orders, one above the market and one below, of which only one can fill ("one cancels the other").

        A sale takes its profit above (LIMIT_MAKER, TAKE_PROFIT, TAKE_PROFIT_LIMIT) and stops its loss below (STOP_LOSS,
        STOP_LOSS_LIMIT), a purchase the other way round. Returned SUBMITTED or DENIED, both or neither. Raises
        OrderArgumentError, GatewayGoneError.
        """
        return self._broker.submit_order_list(
            symbol=symbol,
            side=side,
            quantity=format_money("quantity", quantity),
            above=_format_leg(above),
            below=_format_leg(below),
        )

    def amend_order(self, order: Order | str, quantity: Money) -> bool:
        """Ask to lower an order's quantity, which keeps its place in the queue; False when the gateway refuses.

        `on_order_amended` or `on_order_amend_rejected` follows; until then the old quantity counts against the limits.
        Raises OrderArgumentError, GatewayGoneError.
        """
        return self._broker.amend_order(_name(order), format_money("quantity", quantity))

    def replace_order(
        self,
        order: Order,
        *,
        quantity: Money | None = None,
        price: Money | None = None,
        stop_price: Money | None = None,
        trailing_delta: int | None = None,
    ) -> Order:
        """Ask to cancel an order and, only when that succeeds, to place another; return that one, SUBMITTED or DENIED.

        What is not given is as the old order has it, the quantity what is left of it. Until the exchange has answered
        both orders count against the limits. If the old one can't be cancelled, the new one is REJECTED. Raises
        OrderArgumentError, GatewayGoneError.
        """
        leg = Leg(
            order.type,
            order.price if price is None else price,
            order.stop_price if stop_price is None else stop_price,
            order.trailing_delta if trailing_delta is None else trailing_delta,
            order.time_in_force,
        )
        quantity = order.remaining_quantity if quantity is None else quantity
        return self._broker.replace_order(order, quantity=format_money("quantity", quantity), terms=_format_leg(leg))

    def cancel_order(self, order: Order | OrderList | str) -> bool:
        """Ask to cancel an order, an OCO or an id of either; False when it is not open any more.

        Cancelling one order of an OCO cancels both.
        """
        return self._broker.cancel_order(_name(order))

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


def _name(order: Order | OrderList | str) -> str:
    if isinstance(order, Order):
        return order.client_order_id
    return order.list_id if isinstance(order, OrderList) else order


def _format_leg(leg: Leg) -> OrderLeg:
    """Return an order's terms as they travel, GTC where a time in force is needed; raises OrderArgumentError."""
    delta = leg.trailing_delta
    if delta is not None and (isinstance(delta, bool) or not isinstance(delta, int) or not 1 <= delta <= 10_000):
        raise OrderArgumentError(f"trailing_delta is {delta!r}: write whole basis points from 1 to 10000, 100 is 1 %")
    return OrderLeg(
        leg.type,
        format_optional_money("price", leg.price),
        format_optional_money("stop_price", leg.stop_price),
        leg.time_in_force or ("GTC" if leg.type in _NEEDS_TIME_IN_FORCE else None),
        delta,
    )


def bind_strategy(strategy: Strategy, broker: Broker, parameters: Parameters) -> None:
    """Connect a strategy to what runs it.

    A function and no constructor, so that an author's own `__init__` needs no super().
    """
    strategy._broker = broker  # noqa: SLF001 - this module's own class
    strategy.parameters = parameters
