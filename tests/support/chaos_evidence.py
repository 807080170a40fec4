"""A run that went well, made up by hand, for the tests that doctor it and see the judge object."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.chaos.evidence import AlgorithmEvidence, ControlPeriod, Evidence
from tests.chaos.schedule import Act

PREFIX = "skaaaaaaaaaa-"
FILLED, RESTING = f"{PREFIX}1", f"{PREFIX}2"
BEGAN_MS = 1_700_000_000_000
LIMITS = {
    "maxOrderNotional": "120",
    "maxPositionNotional": "300",
    "maxOpenOrders": 2,
    "maxOrdersPerMinute": 3,
}


def list_kinds(acts: Iterable[Act]) -> set[str]:
    """Return the kinds of a schedule, faults by their own."""
    return {str(act.details.get("kind", act.kind)) for act in acts}


def make_evidence() -> Evidence:
    """Return a run of one algorithm: one order was filled, one rests; every promise holds."""
    entries = [
        *write_order(FILLED, 1, BEGAN_MS, status="FILLED", executed="1"),
        {"kind": "event", "timeMs": BEGAN_MS, "account": 1001, "event": write_trade(FILLED, 1)},
        *write_order(RESTING, 2, BEGAN_MS + 100, price="90"),
    ]
    orders = [
        {"orderId": 1, "clientOrderId": FILLED, "status": "FILLED", "executedQty": "1", "cummulativeQuoteQty": "100"},
        {"orderId": 2, "clientOrderId": RESTING, "status": "NEW", "executedQty": "0", "cummulativeQuoteQty": "0"},
    ]
    orders = [{**order, "origQty": "1"} for order in orders]
    account = {"account": 1001, "orders": orders, "fills": [write_fill(1, 11)], "openOrders": orders[1:]}
    algorithm = AlgorithmEvidence(
        name="one",
        prefix=PREFIX,
        account=1001,
        controls=[ControlPeriod(BEGAN_MS - 1000, BEGAN_MS - 900, "Active", LIMITS)],
        open_orders=1,
        positions={"BTCUSDT": Decimal("0.999")},
    )
    return Evidence(
        entries=entries,
        accounts=[account],
        algorithms=[algorithm],
        order_events=[
            write_step(FILLED, 0, "SUBMITTED"),
            write_step(FILLED, 1, "FILLED", filled="1", quote="100"),
            write_step(RESTING, 0, "SUBMITTED", at_ms=BEGAN_MS + 100),
            write_step(RESTING, 1, "ACCEPTED", at_ms=BEGAN_MS + 100),
        ],
        fills=[write_fill_row(FILLED, 11)],
        positions=[write_position("0.999", average="100", realized="0")],
        foreign_orders=frozenset({"hand-0"}),
    )


def write_order(
    number: str, order_id: int, at_ms: int, *, status: str = "NEW", executed: str = "0", price: str = "100"
) -> list[dict[str, Any]]:
    """Return the audit log's entries of one purchase of 1 BTC: the request and what became of it at once."""
    parameters = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": price}
    return [
        write_request("order.place", at_ms, newClientOrderId=number, **parameters),
        {
            "kind": "order",
            "timeMs": at_ms,
            "account": 1001,
            "orderId": order_id,
            "clientOrderId": number,
            "status": status,
            "executedQty": executed,
        },
    ]


def write_request(name: str, at_ms: int, **parameters: str) -> dict[str, Any]:
    """Return the audit log's entry of one request."""
    return {"kind": "request", "timeMs": at_ms, "name": name, "account": 1001, "parameters": parameters}


def write_trade(number: str, order_id: int) -> dict[str, Any]:
    """Return the user event of an order's only trade."""
    report = {"e": "executionReport", "x": "TRADE", "s": "BTCUSDT", "S": "BUY", "c": number, "i": order_id}
    return {**report, "l": "1", "L": "100", "n": "0.001", "N": "BTC"}


def write_fill(order_id: int, trade_id: int) -> dict[str, Any]:
    """Return a trade as the exchange's state has it."""
    amounts = {"price": "100", "qty": "1", "quoteQty": "100", "commission": "0.001", "commissionAsset": "BTC"}
    who = {"symbol": "BTCUSDT", "id": trade_id, "orderId": order_id, "isBuyer": True, "isMaker": False}
    return {**who, **amounts, "time": BEGAN_MS}


def write_fill_row(number: str, trade_id: int) -> dict[str, Any]:
    """Return the same trade as the ledger has it."""
    return {
        "symbol": "BTCUSDT",
        "trade_id": trade_id,
        "client_order_id": number,
        "side": "BUY",
        "price": Decimal(100),
        "quantity": Decimal(1),
        "quote_quantity": Decimal(100),
        "commission": Decimal("0.001"),
        "commission_asset": "BTC",
        "is_maker": False,
        "trade_time": to_time(BEGAN_MS),
    }


def write_position(held: str, *, average: str | None, realized: str) -> dict[str, Any]:
    """Return what the ledger says is held of BTC."""
    amounts = {"quantity": held, "average_price": average, "realized_pnl": realized}
    told = {name: None if value is None else Decimal(value) for name, value in amounts.items()}
    return {"algorithm": "one", "symbol": "BTCUSDT", **told}


def write_step(
    number: str, sequence: int, state: str, *, filled: str = "0", quote: str = "0", at_ms: int = BEGAN_MS
) -> dict[str, Any]:
    """Return one step of an order as the ledger has it."""
    return {
        "algorithm": "one",
        "client_order_id": number,
        "sequence": sequence,
        "state": state,
        "event_time": to_time(at_ms),
        "recorded_time": to_time(at_ms),
        "quantity": Decimal(1),
        "filled_quantity": Decimal(filled),
        "filled_quote": Decimal(quote),
    }


def to_time(milliseconds: int) -> datetime:
    """Return a time as PostgreSQL's driver does."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
