"""What the exchange sends, as typed records: market frames, user events, orders and trades.

Names of fields are Binance's ("WebSocket Streams", "User Data Streams", "Trade endpoints"); those not needed are
skipped while decoding.
"""

from decimal import Decimal
from typing import Any

import msgspec

from stockade_gateway.orders import Execution, OrderReport


class Kline(msgspec.Struct, frozen=True, gc=False):
    """Field `k` of a kline event."""

    t: int
    T: int
    o: str
    h: str
    l: str  # noqa: E741 - the exchange's name
    c: str
    v: str
    q: str
    n: int
    x: bool


class MarketData(msgspec.Struct, frozen=True, gc=False):
    """Payload of any market stream; which fields are there depends on the stream.

    bookTicker: u, b, B, a, A. trade: E, t, p, q, T, m. kline: E, k. partial depth: last_update_id, bids, asks.
    """

    E: int = 0
    u: int = 0
    b: str | int = ""
    B: str | int = ""
    a: str | int = ""
    A: str | int = ""
    t: int = 0
    p: str = ""
    q: str = ""
    T: int = 0
    m: bool = False
    k: Kline | None = None
    last_update_id: int = msgspec.field(name="lastUpdateId", default=0)
    bids: list[tuple[str, str]] | None = None
    asks: list[tuple[str, str]] | None = None


class MarketFrame(msgspec.Struct, frozen=True, gc=False):
    """One frame of a combined stream; an answer to SUBSCRIBE has no `stream`."""

    stream: str = ""
    data: MarketData | None = None
    error: Any = None


class ExecutionReport(msgspec.Struct, frozen=True):
    """User event `executionReport`, as far as it is used."""

    E: int
    s: str
    c: str
    S: str
    o: str
    q: Decimal
    p: Decimal
    P: Decimal
    x: str
    X: str
    r: str
    i: int
    l: Decimal  # noqa: E741 - the exchange's name
    z: Decimal
    L: Decimal
    n: Decimal
    t: int
    T: int
    m: bool
    f: str | None = None
    d: int | None = None
    C: str | None = None
    N: str | None = None
    Y: Decimal = Decimal(0)
    eR: str | None = None  # noqa: N815 - the exchange's name


class EventHead(msgspec.Struct, frozen=True):
    """The kind of a user event."""

    e: str


class WebsocketApiFrame(msgspec.Struct, frozen=True):
    """One frame of the WebSocket API: an answer (has an id or a status) or an event."""

    id: int | str | None = None
    status: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, Any] | None = None
    rate_limits: list[dict[str, Any]] = msgspec.field(name="rateLimits", default_factory=list)
    event: msgspec.Raw = msgspec.Raw()
    subscription_id: int | None = msgspec.field(name="subscriptionId", default=None)


market_decoder = msgspec.json.Decoder(MarketFrame)
websocket_api_decoder = msgspec.json.Decoder(WebsocketApiFrame)
event_head_decoder = msgspec.json.Decoder(EventHead)
_execution_report_decoder = msgspec.json.Decoder(ExecutionReport)


def decode_execution_report(event: bytes | msgspec.Raw) -> OrderReport:
    """Return the report in an `executionReport`; raises msgspec.MsgspecError when it is none."""
    report = _execution_report_decoder.decode(event)
    # A cancel carries its own id in `c` and the order's in `C`.
    client_order_id = report.C or report.c
    executions: tuple[Execution, ...] = ()
    if report.x == "TRADE":
        executions = (
            Execution(
                symbol=report.s,
                trade_id=report.t,
                client_order_id=client_order_id,
                exchange_order_id=report.i,
                side=report.S,
                price=report.L,
                quantity=report.l,
                quote_quantity=report.Y or report.L * report.l,
                commission=report.n,
                commission_asset=report.N or "",
                is_maker=report.m,
                trade_time_ms=report.T,
            ),
        )
    return OrderReport(
        client_order_id=client_order_id,
        symbol=report.s,
        exchange_order_id=report.i,
        status=report.X,
        side=report.S,
        type=report.o,
        time_in_force=report.f,
        quantity=report.q,
        price=report.p or None,
        stop_price=report.P or None,
        executed_quantity=report.z,
        event_time_ms=report.T,
        trailing_delta=report.d,
        reason=report.eR or (report.r if report.r != "NONE" else None) or _explain_status(report.X),
        executions=executions,
    )


def read_order(order: dict[str, Any]) -> OrderReport:
    """Return the report in an order as REST and the WebSocket API answer it: placed, cancelled or queried."""
    client_order_id = order.get("origClientOrderId") or order["clientOrderId"]
    time_ms = order.get("updateTime") or order.get("transactTime") or order["time"]
    executions = tuple(
        Execution(
            symbol=order["symbol"],
            trade_id=fill["tradeId"],
            client_order_id=client_order_id,
            exchange_order_id=order["orderId"],
            side=order["side"],
            price=Decimal(fill["price"]),
            quantity=Decimal(fill["qty"]),
            quote_quantity=Decimal(fill["price"]) * Decimal(fill["qty"]),
            commission=Decimal(fill["commission"]),
            commission_asset=fill["commissionAsset"],
            # The fills of a placement's answer are those it took.
            is_maker=False,
            trade_time_ms=time_ms,
        )
        for fill in order.get("fills", ())
    )
    return OrderReport(
        client_order_id=client_order_id,
        symbol=order["symbol"],
        exchange_order_id=order["orderId"],
        status=order["status"],
        side=order["side"],
        type=order["type"],
        time_in_force=order.get("timeInForce"),
        quantity=Decimal(order["origQty"]),
        price=Decimal(order.get("price", "0")) or None,
        stop_price=Decimal(order.get("stopPrice", "0")) or None,
        executed_quantity=Decimal(order["executedQty"]),
        event_time_ms=time_ms,
        trailing_delta=order.get("trailingDelta"),
        reason=order.get("expiryReason") or _explain_status(order["status"]),
        executions=executions,
    )


def read_orders(answer: dict[str, Any]) -> list[OrderReport]:
    """Return the reports in an answer about one order, or about a list of which each order has a report."""
    return [read_order(order) for order in answer.get("orderReports", (answer,))]


def read_amendment(answer: dict[str, Any]) -> OrderReport:
    """Return the report in the answer to `order.amend.keepPriority`, whose fields have names of their own."""
    order = answer["amendedOrder"]
    return OrderReport(
        client_order_id=order["clientOrderId"],
        symbol=order["symbol"],
        exchange_order_id=order["orderId"],
        status=order["status"],
        side=order["side"],
        type=order["type"],
        time_in_force=order.get("timeInForce"),
        quantity=Decimal(order["qty"]),
        price=Decimal(order.get("price", "0")) or None,
        stop_price=Decimal(order.get("stopPrice", "0")) or None,
        executed_quantity=Decimal(order["executedQty"]),
        event_time_ms=answer["transactTime"],
    )


def read_trade(trade: dict[str, Any], client_order_id: str) -> Execution:
    """Return the execution in a row of `myTrades`, which names its order by the exchange's id only."""
    return Execution(
        symbol=trade["symbol"],
        trade_id=trade["id"],
        client_order_id=client_order_id,
        exchange_order_id=trade["orderId"],
        side="BUY" if trade["isBuyer"] else "SELL",
        price=Decimal(trade["price"]),
        quantity=Decimal(trade["qty"]),
        quote_quantity=Decimal(trade["quoteQty"]),
        commission=Decimal(trade["commission"]),
        commission_asset=trade["commissionAsset"],
        is_maker=trade["isMaker"],
        trade_time_ms=trade["time"],
    )


def _explain_status(status: str) -> str | None:
    return "self-trade prevention" if status == "EXPIRED_IN_MATCH" else None
