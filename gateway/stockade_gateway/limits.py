"""Every limit as a pure function of an order and a snapshot: what is denied, with which code and in which words.

`Desk` makes the snapshot and, when nothing is denied, counts the order in the same step, so that no second order can be
checked against a snapshot that lacks the first.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from stockade_gateway.control import Control, Trading
from stockade_gateway.filters import ZERO, InstrumentRules, OrderRequest, find_filter_fault, find_shape_fault
from stockade_gateway.held_lease import Share
from stockade_wire.messages import DenialCode


class SymbolView(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one symbol: the algorithm's position, its open orders and the market.

    `bid` and `ask` are None without a fresh quote; `mark` values what is held and may be older.
    """

    rules: InstrumentRules
    # False for a symbol that was taken off the list while there still is a position in it.
    allowed: bool = True
    position: Decimal = ZERO
    open_buys: Decimal = ZERO
    open_sells: Decimal = ZERO
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None

    @property
    def worst_position(self) -> Decimal:
        """The largest position, either way, that the open orders can lead to."""
        return max(abs(self.position + self.open_buys), abs(self.position - self.open_sells))


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the limits look at, at one instant; money in the limits' quote asset.

    `day_result` is today's realised and the unrealised result less fees, None when a position can't be valued.
    """

    control: Control | None
    control_error: str | None
    reconciling: str | None
    symbols: Mapping[str, SymbolView]
    open_orders: int
    orders_last_minute: int
    day_result: Decimal | None
    # What the account's limits leave to this algorithm; None where no account gateway is.
    share: Share | None = None
    orders_last_ten_seconds: int = 0


class Denial(msgspec.Struct, frozen=True):
    """Why an order is not let out.

    `wants_share` says that a larger share of the account's limits would have helped: one of `wanted_exposure`, or,
    where that is None, of one more order.
    """

    code: DenialCode
    message: str
    wants_share: bool = False
    wanted_exposure: Decimal | None = None


def find_denial(order: OrderRequest, snapshot: Snapshot) -> Denial | None:
    """Return why the order must not leave the pod, None when it may."""
    if snapshot.reconciling is not None:
        return Denial("RECONCILING", snapshot.reconciling)
    control = snapshot.control
    if control is None:
        return Denial("CONTROL_UNREADABLE", snapshot.control_error or "the control can't be read")
    view = snapshot.symbols.get(order.symbol)
    if view is None or not view.allowed:
        return Denial("SYMBOL_NOT_ALLOWED", f"{order.symbol} is not among the algorithm's symbols")
    return (
        _check_shape(order)
        or _check_trading(order, view, control)
        or _check_filters(order, view)
        or _check_counts(snapshot, control)
        or _check_quote_asset(view, control)
        or _check_band(order, view, control)
        or _check_notional(order, view, snapshot, control)
        or _check_day_loss(order, view, snapshot, control)
        or _check_share(order, view, snapshot, control)
    )


def is_reducing(order: OrderRequest, view: SymbolView) -> bool:
    """Return whether the order, with those open on its side, can only bring the position closer to zero."""
    if order.side == "SELL":
        return view.open_sells + order.quantity <= view.position
    return view.open_buys + order.quantity <= -view.position


def find_breach(snapshot: Snapshot) -> str | None:
    """Return which limit the algorithm stands beyond right now, without any new order; None when within all."""
    control = snapshot.control
    if control is None:
        return None
    exposure = compute_exposure(snapshot.symbols)
    account = snapshot.share if control.account.limits else None
    loss = None if snapshot.day_result is None else -snapshot.day_result
    for name, value, limit in (
        ("maxDailyLoss", loss, control.limits.max_daily_loss),
        ("maxPositionNotional", exposure, control.limits.max_position_notional),
        ("account maxDailyLoss", loss, account.loss if account else None),
        ("account maxExposure", exposure, account.exposure if account else None),
    ):
        reached = limit is not None and value is not None and (value >= limit if "Loss" in name else value > limit)
        if reached:
            return name
    return None


def compute_exposure(symbols: Mapping[str, SymbolView], position_only: bool = False) -> Decimal | None:  # noqa: FBT001, FBT002
    """Return the notional of all positions, with what open orders can add; None when one can't be valued."""
    total = ZERO
    for view in symbols.values():
        amount = abs(view.position) if position_only else view.worst_position
        if not amount:
            continue
        if view.mark is None:
            return None
        total += amount * view.mark
    return total


def _check_shape(order: OrderRequest) -> Denial | None:
    fault = find_shape_fault(order)
    return Denial("INVALID_ORDER", fault) if fault else None


def _check_filters(order: OrderRequest, view: SymbolView) -> Denial | None:
    market_price = view.ask if order.side == "BUY" else view.bid
    if order.price is None and order.stop_price is None and market_price is None:
        return Denial("NO_PRICE", f"there is no fresh quote of {order.symbol} to value a {order.type} order with")
    fault = find_filter_fault(order, view.rules, market_price)
    return Denial("FILTER_VIOLATED", fault) if fault else None


def _check_trading(order: OrderRequest, view: SymbolView, control: Control) -> Denial | None:
    trading = control.effective_trading
    if trading is Trading.HALTED:
        return Denial("TRADING_HALTED", "trading is Halted: only cancels pass")
    if trading is Trading.REDUCING and not is_reducing(order, view):
        return Denial(
            "TRADING_REDUCING", f"trading is Reducing: only orders that lower the position {view.position} pass"
        )
    return None


def _check_counts(snapshot: Snapshot, control: Control) -> Denial | None:
    limits = control.limits
    if limits.max_open_orders is not None and snapshot.open_orders >= limits.max_open_orders:
        return Denial(
            "TOO_MANY_OPEN_ORDERS", f"{snapshot.open_orders} orders are open, maxOpenOrders is {limits.max_open_orders}"
        )
    if limits.max_orders_per_minute is not None and snapshot.orders_last_minute >= limits.max_orders_per_minute:
        return Denial(
            "RATE_LIMIT_EXCEEDED",
            f"{snapshot.orders_last_minute} orders in the last minute, "
            f"maxOrdersPerMinute is {limits.max_orders_per_minute}",
        )
    return None


def _check_quote_asset(view: SymbolView, control: Control) -> Denial | None:
    limits, account = control.limits, control.account.limits
    has_money_limit = (
        limits.max_order_notional is not None
        or limits.max_position_notional is not None
        or limits.max_daily_loss is not None
    )
    for applies, asset in (
        (has_money_limit, limits.quote_asset),
        (account is not None, account and account.quote_asset),
    ):
        if applies and view.rules.quote != asset:
            return Denial(
                "SYMBOL_NOT_ALLOWED", f"limits are in {asset} and {view.rules.symbol} is priced in {view.rules.quote}"
            )
    return None


def _check_band(order: OrderRequest, view: SymbolView, control: Control) -> Denial | None:
    percent = control.limits.price_band_percent
    if percent is None or order.price is None:
        return None
    # A stop order's limit is measured from its own trigger: by nature it stands away from the market.
    reference = order.stop_price or _middle(view)
    if reference is None:
        return Denial("NO_PRICE", f"there is no fresh quote of {order.symbol} to measure the price band from")
    if abs(order.price - reference) * 100 > percent * reference:
        return Denial(
            "PRICE_OUTSIDE_BAND", f"price {order.price} is more than {percent} % away from {reference.normalize():f}"
        )
    return None


def _check_notional(order: OrderRequest, view: SymbolView, snapshot: Snapshot, control: Control) -> Denial | None:
    price = _value_price(order, view)
    limits = control.limits
    notional = order.quantity * price
    if limits.max_order_notional is not None and notional > limits.max_order_notional:
        return Denial(
            "NOTIONAL_EXCEEDS_MAX_PER_ORDER",
            f"the order's notional {notional.normalize():f} exceeds maxOrderNotional {limits.max_order_notional}",
        )
    if limits.max_position_notional is None or is_reducing(order, view):
        return None
    total = _compute_exposure_with(order, view, snapshot)
    if isinstance(total, Denial):
        return total
    if total > limits.max_position_notional:
        return Denial(
            "POSITION_EXCEEDS_MAX",
            f"positions and open orders could reach {total.normalize():f}, "
            f"maxPositionNotional is {limits.max_position_notional}",
        )
    return None


def _check_day_loss(order: OrderRequest, view: SymbolView, snapshot: Snapshot, control: Control) -> Denial | None:
    limit = control.limits.max_daily_loss
    if limit is None or is_reducing(order, view):
        return None
    if snapshot.day_result is None:
        return Denial("NO_PRICE", "there is no price to value today's result with")
    loss = -snapshot.day_result
    if loss >= limit:
        return Denial("DAILY_LOSS_EXCEEDED", f"today's loss {loss.normalize():f} has reached maxDailyLoss {limit}")
    return None


def _check_share(order: OrderRequest, view: SymbolView, snapshot: Snapshot, control: Control) -> Denial | None:
    """Check the algorithm's share of what all algorithms of the account may do together."""
    share, limits = snapshot.share, control.account.limits
    if share is not None and share.orders is not None and snapshot.orders_last_ten_seconds >= share.orders:
        message = f"{snapshot.orders_last_ten_seconds} orders in ten seconds, this algorithm's share is {share.orders}"
        return Denial("RATE_LIMIT_EXCEEDED", message, wants_share=True)
    if limits is None or is_reducing(order, view):
        return None
    if share is None:
        return Denial("ACCOUNT_LIMIT_EXCEEDED", "the account has limits and no account gateway shares them out")
    if share.error is not None:
        return Denial("ACCOUNT_LIMIT_EXCEEDED", f"only orders that reduce: {share.error}")
    return _check_share_of_exposure(order, view, snapshot, share) or _check_share_of_loss(snapshot, share)


def _check_share_of_exposure(order: OrderRequest, view: SymbolView, snapshot: Snapshot, share: Share) -> Denial | None:
    if share.exposure is None:
        return None
    total = _compute_exposure_with(order, view, snapshot)
    if isinstance(total, Denial):
        return total
    if total <= share.exposure:
        return None
    return Denial(
        "ACCOUNT_LIMIT_EXCEEDED",
        f"exposure could reach {total.normalize():f}; of the account's maxExposure "
        f"{share.exposure.normalize():f} is left to this algorithm",
        wants_share=True,
        wanted_exposure=total,
    )


def _check_share_of_loss(snapshot: Snapshot, share: Share) -> Denial | None:
    if share.loss is None:
        return None
    if snapshot.day_result is None:
        return Denial("NO_PRICE", "there is no price to value today's result with")
    if -snapshot.day_result < share.loss:
        return None
    return Denial("ACCOUNT_LIMIT_EXCEEDED", "today's loss of all algorithms has reached the account's maxDailyLoss")


def _compute_exposure_with(order: OrderRequest, view: SymbolView, snapshot: Snapshot) -> Decimal | Denial:
    others = compute_exposure({name: other for name, other in snapshot.symbols.items() if name != order.symbol})
    if others is None:
        return Denial("NO_PRICE", "there is no price to value the other positions with")
    return others + _worst_with(order, view) * max(_value_price(order, view), view.mark or ZERO)


def _worst_with(order: OrderRequest, view: SymbolView) -> Decimal:
    buys, sells = view.open_buys, view.open_sells
    if order.side == "BUY":
        buys += order.quantity
    else:
        sells += order.quantity
    return max(abs(view.position + buys), abs(view.position - sells))


def _value_price(order: OrderRequest, view: SymbolView) -> Decimal:
    """Return the highest price the order could be valued at: its own, the market's, or where a trailing one fires."""
    market = (view.ask if order.side == "BUY" else view.bid) or ZERO
    if order.trailing_delta is not None and order.fires_above:
        market += market * order.trailing_delta / 10_000
    return max(order.price or ZERO, order.stop_price or ZERO, market)


def _middle(view: SymbolView) -> Decimal | None:
    return None if view.bid is None or view.ask is None else (view.bid + view.ask) / 2
