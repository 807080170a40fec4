"""User data events, apart because their one-letter keys are nobody else's business ("User Data Streams")."""

from typing import Any

from stockade_paper.accounts import Account
from stockade_paper.amounts import ZERO, format_amount
from stockade_paper.orders import ALLOCATION_MATCH, SOR_FLOOR, Fill, Order
from stockade_paper.prevention import PreventedMatch


def report_execution(
    order: Order,
    execution_type: str,
    time_ms: int,
    execution_id: int,
    *,
    fill: Fill | None = None,
    prevented: PreventedMatch | None = None,
    cancel_client_order_id: str | None = None,
    reject_reason: str = "NONE",
) -> dict[str, Any]:
    """Write one executionReport; `cancel_client_order_id` is the id of the cancel when one caused it."""
    is_cancel = cancel_client_order_id is not None
    report = {
        "e": "executionReport",
        "E": time_ms,
        "s": order.symbol,
        "c": cancel_client_order_id if is_cancel else order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": format_amount(order.quantity),
        "p": format_amount(order.price),
        "P": format_amount(order.stop_price or ZERO),
        "F": format_amount(order.iceberg_quantity or ZERO),
        "g": order.order_list_id,
        "C": order.client_order_id if is_cancel else "",
        "x": execution_type,
        "X": order.status,
        "r": reject_reason,
        "i": order.order_id,
        "l": format_amount(fill.quantity if fill else ZERO),
        "z": format_amount(order.executed),
        "L": format_amount(fill.price if fill else ZERO),
        "n": format_amount(fill.commission) if fill else "0",
        "N": fill.commission_asset if fill else None,
        "T": time_ms,
        "t": fill.trade_id if fill else -1,
        "I": execution_id,
        "w": order.is_working and order.is_open and (fill is None or fill.is_maker),
        "m": fill.is_maker if fill else False,
        "M": fill is not None,
        "O": order.created_ms,
        "Z": format_amount(order.cumulative_quote),
        "Y": format_amount(fill.price * fill.quantity if fill else ZERO),
        "Q": format_amount(order.quote_order_quantity),
        "V": order.self_trade_prevention,
    }
    if fill is not None and fill.allocation_id is not None:
        report |= {"b": ALLOCATION_MATCH, "a": fill.allocation_id}
    _add_conditional_keys(report, order)
    if prevented is not None:
        report |= prevented.report(order)
    return report


def _add_conditional_keys(report: dict[str, Any], order: Order) -> None:
    if order.working_ms > 0:
        report["W"] = order.working_ms
    if order.trailing_delta is not None:
        report |= {"d": order.trailing_delta, "D": order.trailing_ms}
    if order.strategy_id is not None:
        report["j"] = order.strategy_id
    if order.strategy_type is not None:
        report["J"] = order.strategy_type
    if order.prevented_match_id is not None:
        report |= {"v": order.prevented_match_id, "A": format_amount(order.prevented_quantity)}
    if order.uses_sor:
        report |= {"k": SOR_FLOOR, "uS": True}
    if order.expiry_reason is not None:
        report["eR"] = order.expiry_reason


def report_position(account: Account, assets: list[str], time_ms: int) -> dict[str, Any]:
    """Write one outboundAccountPosition with the assets that may have changed."""
    return {
        "e": "outboundAccountPosition",
        "E": time_ms,
        "u": time_ms,
        "B": [
            {
                "a": asset,
                "f": format_amount(account.balance(asset).free),
                "l": format_amount(account.balance(asset).locked),
            }
            for asset in assets
        ],
    }


def report_balance(asset: str, delta: str, time_ms: int) -> dict[str, Any]:
    """Write one balanceUpdate: a deposit, withdrawal or transfer, never a trade."""
    return {"e": "balanceUpdate", "E": time_ms, "a": asset, "d": delta, "T": time_ms}
