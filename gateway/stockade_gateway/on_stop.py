"""Leaving: what is done with orders and positions when the algorithm stops or dies, and what came of it."""

import asyncio
import logging
import time
from collections.abc import Callable
from decimal import Decimal

import msgspec

from stockade_gateway.control import StopAction, Trading
from stockade_gateway.desk import Desk
from stockade_gateway.errors import ExchangeError
from stockade_gateway.filters import OrderRequest, find_filter_fault, round_down
from stockade_gateway.reconcile import Reconciler

_CANCEL_AGAIN_SECONDS = 5.0
# More than one: a market order may be larger than the exchange takes at once, or find too little on the other side.
_CLOSING_ROUNDS = 10
# How often the exchange is asked whether all is closed; what it tells of once is closed as well.
_PROOFS = 2
_ASK_AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)


class StopResult(msgspec.Struct, frozen=True):
    """What became of a stop action; `result` is Done or Incomplete."""

    action: str
    result: str
    message: str


async def carry_out(action: StopAction, desk: Desk, reconciler: Reconciler, *, deadline: float) -> StopResult:
    """Do the action and return what came of it; never raises, and is done by `deadline` (monotonic seconds)."""
    if action is StopAction.KEEP:
        count = desk.books.orders.open_count
        return StopResult(action.value, "Done", f"left {count} open orders and all positions as they are")
    if not await _wait_until(lambda: reconciler.last_time is not None, deadline):
        return StopResult(
            action.value, "Incomplete", "the gateway never reconciled with the exchange: orders may still be open"
        )
    if not await _cancel_all(desk, deadline):
        left = ", ".join(order.client_order_id for order in desk.books.orders.open())
        return StopResult(action.value, "Incomplete", f"not confirmed as cancelled in time: {left}")
    if action is StopAction.CANCEL_ORDERS:
        return StopResult(action.value, "Done", "all orders are cancelled")
    return await _flatten(desk, reconciler, deadline)


async def _cancel_all(desk: Desk, deadline: float) -> bool:
    while time.monotonic() < deadline:
        desk.cancel_all()
        again = min(deadline, time.monotonic() + _CANCEL_AGAIN_SECONDS)
        if await _wait_until(lambda: desk.books.orders.open_count == 0, again):
            return True
    return desk.books.orders.open_count == 0


async def _flatten(desk: Desk, reconciler: Reconciler, deadline: float) -> StopResult:
    action = StopAction.FLATTEN.value
    control = desk.control_file.control
    if control is None or control.effective_trading is Trading.HALTED:
        return StopResult(action, "Incomplete", "orders are cancelled; positions stay open as trading is Halted")
    if not await _wait_until(lambda: reconciler.pending is None, deadline):
        return StopResult(action, "Incomplete", f"orders are cancelled; positions stay open: {reconciler.pending}")
    began_ns, closed, differences = time.time_ns(), 0, list[str]()
    for _ in range(_PROOFS):
        count, fault = await _close_positions(desk, deadline)
        closed += count
        if fault is not None:
            return StopResult(action, "Incomplete", fault)
        differences = await _ask_exchange(reconciler, began_ns, deadline)
        if not (differences or _make_closing_orders(desk)) or time.monotonic() >= deadline:
            break
        # What the exchange answers may lag behind what it does.
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
        await _cancel_all(desk, deadline)
    return _sum_up(desk, reconciler, closed, differences)


async def _close_positions(desk: Desk, deadline: float) -> tuple[int, str | None]:
    """Sell or buy back all that is held; returns with how many orders, and what kept it from going on."""
    closed = 0
    for _ in range(_CLOSING_ROUNDS):
        requests = _make_closing_orders(desk)
        if not requests:
            break
        for request in requests:
            _, denial = desk.submit(request, closing=True)
            if denial is not None:
                return closed, f"{request.symbol} stays open: {denial.message}"
            closed += 1
        if not await _wait_until(lambda: desk.books.orders.open_count == 0, deadline):
            return closed, "a closing order was not confirmed in time"
    return closed, None


async def _ask_exchange(reconciler: Reconciler, began_ns: int, deadline: float) -> list[str]:
    """Return what the exchange has differently; that it could not be asked is such a thing, too."""
    reason = "it did not answer in time"
    while (left := deadline - time.monotonic()) > 0:
        try:
            return await asyncio.wait_for(reconciler.find_differences(began_ns), left)
        except TimeoutError:
            break
        except ExchangeError as error:
            reason = error.message
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
    return [f"whether the exchange says the same could not be asked: {reason}"]


def _sum_up(desk: Desk, reconciler: Reconciler, closed: int, differences: list[str]) -> StopResult:
    action = StopAction.FLATTEN.value
    stuck: list[str] = []
    dust: list[str] = []
    for symbol in desk.books.positions.symbols():
        left = desk.books.positions.quantity(symbol)
        if left:
            is_stuck = desk.rules[symbol].status != "TRADING" or _make_closing_order(desk, symbol) is not None
            (stuck if is_stuck else dust).append(f"{left.normalize():f} of {symbol}")
    if stuck:
        return StopResult(action, "Incomplete", f"still held: {', '.join(stuck)}")
    if differences:
        return StopResult(action, "Incomplete", f"all is closed by the gateway's books, but {'; '.join(differences)}")
    if reconciler.past_unknown is not None:
        return StopResult(action, "Incomplete", f"what is known is closed, but {reconciler.past_unknown}")
    remark = f"; too small to trade: {', '.join(dust)}" if dust else ""
    return StopResult(
        action, "Done", f"all orders are cancelled, positions closed with {closed} orders, as the exchange says{remark}"
    )


def _make_closing_orders(desk: Desk) -> list[OrderRequest]:
    return [request for symbol in desk.books.positions.symbols() if (request := _make_closing_order(desk, symbol))]


def _make_closing_order(desk: Desk, symbol: str) -> OrderRequest | None:
    """Return the market order that closes the position; None when what is held is below the exchange's minimum."""
    rules = desk.rules[symbol]
    held = desk.books.positions.quantity(symbol)
    step = max(rules.lot.step, rules.market_lot.step)
    largest = [limit for limit in (rules.lot.maximum, rules.market_lot.maximum) if limit]
    quantity: Decimal = round_down(min([abs(held), *largest]), step)
    if not quantity:
        return None
    side = "SELL" if held > 0 else "BUY"
    request = OrderRequest(symbol=symbol, side=side, type="MARKET", quantity=quantity)
    return None if find_filter_fault(request, rules, desk.market.mark(symbol)) else request


async def _wait_until(condition: Callable[[], bool], deadline: float) -> bool:
    while not condition():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(0.05)
    return True
