"""What the gateway says about itself: the status the operator polls and the metrics, as pure functions of its facts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from stockade_gateway.control import Control, Trading
from stockade_gateway.desk import Desk
from stockade_gateway.held_lease import Share
from stockade_gateway.ledger_entries import to_time
from stockade_gateway.limits import Snapshot, compute_exposure, find_breach
from stockade_gateway.on_stop import StopResult
from stockade_gateway.reconcile import Reconciler
from stockade_gateway.session import Session, to_text


class LedgerStatus(msgspec.Struct, frozen=True):
    """How far the ledger is behind."""

    spooled: int
    last_written_time: datetime | None
    error: str | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the status is made of besides the parts themselves; those are None until the gateway has started."""

    algorithm: str
    version: int
    mode: str
    key_version: str
    keys_secret: str
    reason: str | None
    control: Control | None
    desk: Desk | None
    reconciler: Reconciler | None
    session: Session | None
    on_stop: StopResult | None
    dead_man: StopResult | None
    kill_switch: StopResult | None
    ledger: LedgerStatus


def is_ready(facts: Facts) -> bool:
    """Return whether the algorithm may start: connected, and in agreement with the exchange."""
    desk, reconciler = facts.desk, facts.reconciler
    return desk is not None and reconciler is not None and reconciler.pending is None and desk.api.connected


def make_status(facts: Facts) -> dict[str, Any]:
    """Return the answer of `GET /status`; money is decimal text, nothing in it is secret."""
    desk, control = facts.desk, facts.control
    quote_asset = control.limits.quote_asset if control else "USDT"
    trading = control.effective_trading if control else Trading.HALTED
    status: dict[str, Any] = {
        "algorithm": facts.algorithm,
        "version": facts.version,
        "mode": facts.mode,
        "controlGeneration": control.generation if control else None,
        "trading": trading.value,
        "connected": desk is not None and desk.api.connected,
        "reconciled": _is_reconciled(facts.reconciler),
        "lastReconciledTime": _to_text_time(facts.reconciler.last_time if facts.reconciler else None),
        "algorithmState": facts.session.state if facts.session else "Waiting",
        "fault": _make_fault(facts.session),
        "keyVersion": facts.key_version,
        "keysSecret": facts.keys_secret,
        "quoteAsset": quote_asset,
        "onStop": msgspec.to_builtins(facts.on_stop),
        "deadMan": msgspec.to_builtins(facts.dead_man),
        "killSwitch": msgspec.to_builtins(facts.kill_switch),
        "ledger": {
            "spooled": facts.ledger.spooled,
            "lastWrittenTime": _to_text_time(facts.ledger.last_written_time),
            "error": facts.ledger.error,
        },
        "reason": facts.reason,
    }
    status.update(_make_trading_part(desk) if desk else _EMPTY_TRADING_PART)
    return status


_EMPTY_TRADING_PART: Mapping[str, Any] = {
    "openOrders": 0,
    "positions": {},
    "positionNotional": None,
    "realizedPnlToday": None,
    "unrealizedPnl": None,
    "feesToday": None,
    "withinLimits": True,
    "limitBreached": None,
    "orders": {},
    "accountShare": None,
    "market": {"messages": 0, "lastMessageTime": None},
}


def _make_trading_part(desk: Desk) -> dict[str, Any]:
    books, market = desk.books, desk.market
    snapshot: Snapshot = desk.make_snapshot()
    result = books.positions.compute_day_result(market, datetime.now(UTC))
    breach = find_breach(snapshot)
    last = market.last_message_time_ns
    return {
        "openOrders": books.orders.open_count,
        "positions": {
            symbol: to_text(quantity)
            for symbol in books.positions.symbols()
            if (quantity := books.positions.quantity(symbol))
        },
        "positionNotional": _to_text_money(compute_exposure(snapshot.symbols, position_only=True)),
        "realizedPnlToday": _to_text_money(result.realized),
        "unrealizedPnl": _to_text_money(result.unrealized),
        "feesToday": _to_text_money(result.fees),
        "withinLimits": breach is None,
        "limitBreached": breach,
        "orders": dict(books.counts),
        "accountShare": _make_share(snapshot.share),
        "market": {"messages": market.messages, "lastMessageTime": _to_text_time(to_time(last) if last else None)},
    }


def make_metrics(status: Mapping[str, Any]) -> str:
    """Return the same facts in Prometheus' text format; what is unknown is left out."""
    market, ledger = status["market"], status["ledger"]
    gauges: list[tuple[str, str, Any]] = [
        ("connected", "Whether the WebSocket API is up and user events are subscribed.", int(status["connected"])),
        ("reconciled", "Whether the books agree with the exchange.", int(status["reconciled"])),
        ("trading_active", "Whether trading is neither Reducing nor Halted.", int(status["trading"] == "Active")),
        ("control_generation", "Generation of the control that is in force.", status["controlGeneration"]),
        ("open_orders", "Orders that are not final.", status["openOrders"]),
        ("position_notional", "Notional of all positions, in the quote asset.", status["positionNotional"]),
        ("realized_pnl_today", "Realised result of the UTC day, fees apart.", status["realizedPnlToday"]),
        ("unrealized_pnl", "Unrealised result.", status["unrealizedPnl"]),
        ("fees_today", "Fees of the UTC day.", status["feesToday"]),
        ("within_limits", "Whether the algorithm is within all its limits.", int(status["withinLimits"])),
        ("market_messages_total", "Market messages received.", market["messages"]),
        ("ledger_spooled_rows", "Rows that wait for the ledger.", ledger["spooled"]),
    ]
    lines = []
    for name, description, value in gauges:
        if value is None:
            continue
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP stockade_gateway_{name} {description}", f"# TYPE stockade_gateway_{name} {kind}"]
        lines.append(f"stockade_gateway_{name} {value}")
    lines += ["# HELP stockade_gateway_orders_total Orders by outcome.", "# TYPE stockade_gateway_orders_total counter"]
    lines += [f'stockade_gateway_orders_total{{outcome="{name}"}} {count}' for name, count in status["orders"].items()]
    return "\n".join(lines) + "\n"


def _is_reconciled(reconciler: Reconciler | None) -> bool:
    return reconciler is not None and reconciler.pending is None and reconciler.past_unknown is None


def _make_share(share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {
        "exposure": _to_text_money(share.exposure),
        "loss": _to_text_money(share.loss),
        "ordersPerTenSeconds": share.orders,
        "error": share.error,
    }


def _make_fault(session: Session | None) -> dict[str, Any] | None:
    fault = session.fault if session else None
    if fault is None:
        return None
    return {"kind": fault.kind, "message": fault.message, "file": fault.file, "line": fault.line}


def _to_text_money(amount: Decimal | None) -> str | None:
    return None if amount is None else to_text(amount)


def _to_text_time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
