"""From the wire's records and messages to what an author sees.

Apart from both because neither the wire nor the SDK may know the other's form.
"""

from decimal import Decimal

from stockade_sdk import Bar, BookLevel, Fill, Instrument, Order, OrderBook, OrderList, Position, QuoteTick, TradeTick
from stockade_wire import messages
from stockade_wire.ring import layout
from stockade_wire.scaled import unscale_number


def to_quote_tick(record: layout.Quote) -> QuoteTick:
    """Return a best bid and ask."""
    return QuoteTick(
        record.symbol,
        record.update_id,
        unscale_number(record.bid_price),
        unscale_number(record.bid_quantity),
        unscale_number(record.ask_price),
        unscale_number(record.ask_quantity),
        record.event_time_ns,
        record.received_time_ns,
    )


def to_trade_tick(record: layout.Trade) -> TradeTick:
    """Return a public trade."""
    return TradeTick(
        record.symbol,
        record.trade_id,
        unscale_number(record.price),
        unscale_number(record.quantity),
        record.buyer_is_maker,
        record.event_time_ns,
        record.received_time_ns,
    )


def to_bar(record: layout.Bar) -> Bar:
    """Return a candlestick."""
    return Bar(
        symbol=record.symbol,
        open=unscale_number(record.open),
        high=unscale_number(record.high),
        low=unscale_number(record.low),
        close=unscale_number(record.close),
        volume=unscale_number(record.volume),
        quote_volume=unscale_number(record.quote_volume),
        trade_count=record.trade_count,
        open_time_ns=record.open_time_ns,
        interval_seconds=record.interval_ns // 1_000_000_000,
        event_time_ns=record.event_time_ns,
        received_time_ns=record.received_time_ns,
    )


def to_order_book(record: layout.Book) -> OrderBook:
    """Return the best levels of both sides."""
    bids, asks = (
        tuple(BookLevel(unscale_number(level.price), unscale_number(level.quantity)) for level in side)
        for side in (record.bids, record.asks)
    )
    return OrderBook(record.symbol, record.update_id, bids, asks, record.event_time_ns, record.received_time_ns)


def to_instrument(message: messages.Instrument) -> Instrument:
    """Return a symbol's filters."""
    return Instrument(
        message.symbol,
        message.base,
        message.quote,
        Decimal(message.tick_size),
        Decimal(message.step_size),
        Decimal(message.min_quantity),
        Decimal(message.min_notional),
    )


def to_position(message: messages.PositionChanged) -> Position:
    """Return a position."""
    return Position(
        message.symbol,
        Decimal(message.quantity),
        _optional(message.average_price),
        Decimal(message.realized_pnl),
        {asset: Decimal(amount) for asset, amount in message.fees.items()},
    )


def to_order(message: messages.OrderEvent) -> Order:
    """Return an order after an event."""
    return Order(
        client_order_id=message.client_order_id,
        symbol=message.symbol,
        side=message.side,
        type=message.type,
        state=message.state,
        quantity=Decimal(message.quantity),
        price=_optional(message.price),
        stop_price=_optional(message.stop_price),
        time_in_force=message.time_in_force,
        trailing_delta=message.trailing_delta,
        list_id=message.list_id,
        filled_quantity=Decimal(message.filled_quantity),
        average_price=_optional(message.average_price),
        last_fill=_to_fill(message.last_fill),
        reason=message.reason,
        event_time_ns=message.event_time_ns,
    )


def to_submitted_order(request: messages.SubmitOrder, reply: messages.OrderReply, now_ns: int) -> Order:
    """Return an order as the gateway's reply left it: SUBMITTED or DENIED."""
    terms = messages.OrderLeg(
        request.type, request.price, request.stop_price, request.time_in_force, request.trailing_delta
    )
    name = reply.client_order_id or ""
    return _to_order(
        reply, name, symbol=request.symbol, side=request.side, quantity=request.quantity, terms=terms, now_ns=now_ns
    )


def to_replacement(order: Order, request: messages.ReplaceOrder, reply: messages.OrderReply, now_ns: int) -> Order:
    """Return the order that is to take another one's place, SUBMITTED or DENIED."""
    name = reply.client_order_id or ""
    return _to_order(
        reply, name, symbol=order.symbol, side=order.side, quantity=request.quantity, terms=request.order, now_ns=now_ns
    )


def to_order_list(request: messages.SubmitOrderList, reply: messages.OrderListReply, now_ns: int) -> OrderList:
    """Return a list as the gateway's reply left it, both orders SUBMITTED or DENIED."""
    above, below = (
        _to_order(
            reply,
            name,
            symbol=request.symbol,
            side=request.side,
            quantity=request.quantity,
            terms=terms,
            now_ns=now_ns,
            list_id=reply.list_id,
        )
        for name, terms in zip(reply.client_order_ids, (request.above, request.below), strict=True)
    )
    return OrderList(reply.list_id, above, below)


def _to_order(
    reply: messages.OrderReply | messages.OrderListReply,
    client_order_id: str,
    *,
    symbol: str,
    side: messages.Side,
    quantity: str,
    terms: messages.OrderLeg,
    now_ns: int,
    list_id: str | None = None,
) -> Order:
    reason = f"{reply.denied}: {reply.message}" if reply.denied and reply.message else reply.denied
    return Order(
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        type=terms.type,
        state="DENIED" if reply.denied else "SUBMITTED",
        quantity=Decimal(quantity),
        price=_optional(terms.price),
        stop_price=_optional(terms.stop_price),
        time_in_force=terms.time_in_force,
        trailing_delta=terms.trailing_delta,
        list_id=list_id,
        reason=reason,
        event_time_ns=now_ns,
    )


def _optional(number: str | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def _to_fill(report: messages.FillReport | None) -> Fill | None:
    if report is None:
        return None
    return Fill(
        report.trade_id,
        Decimal(report.price),
        Decimal(report.quantity),
        Decimal(report.commission),
        report.commission_asset,
        report.is_maker,
    )
