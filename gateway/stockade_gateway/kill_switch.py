"""The account's kill switch in a sidecar: while the account is Halted, every open order is cancelled.

Apart from the control, which only denies: this acts, and may have to act again. An Algorithm's own `Halted` denies
new orders and leaves the open ones alone. Once the account is no longer Halted, cancels that are under way come to
their end, and no other order is cancelled.
"""

import asyncio
import logging
import time

from stockade_gateway.control import StopAction, Trading
from stockade_gateway.desk import Desk
from stockade_gateway.on_stop import StopResult, carry_out
from stockade_gateway.reconcile import Reconciler

_ROUND_SECONDS = 30.0
_PAUSE_SECONDS = 15.0
# About a quarter of an hour; the status says what is left, and any new control begins anew.
_MOST_ROUNDS = 20

logger = logging.getLogger(__name__)


class KillSwitch:
    """Call `check` at least ten times a second; `result` is None while the account is not Halted."""

    def __init__(self, desk: Desk, reconciler: Reconciler) -> None:
        self._desk = desk
        self._reconciler = reconciler
        self._task: asyncio.Task[None] | None = None
        self._generation: int | None = None
        self._rounds = 0
        self._next_round = 0.0
        self.result: StopResult | None = None

    def check(self) -> None:
        """Begin to cancel if the account was halted and an order is open, whoever opened it and however late."""
        control = self._desk.control_file.control
        if control is None:
            # An unreadable control denies; it is nobody's order to cancel.
            self._rounds = 0
            return
        if control.account.trading is not Trading.HALTED:
            # Before any order can be placed under this control: the round would cancel that one, too.
            self.close()
            self.result, self._rounds = None, 0
            return
        if control.generation != self._generation:
            self._generation, self._rounds, self._next_round = control.generation, 0, 0.0
        if (self._task is not None and not self._task.done()) or self._reconciler.last_time is None:
            return
        if not self._desk.books.orders.open_count:
            self.result = self.result or StopResult("CancelOrders", "Done", "no order was open")
        elif self._rounds < _MOST_ROUNDS and time.monotonic() >= self._next_round:
            self._rounds += 1
            self._task = asyncio.get_running_loop().create_task(self._cancel_all())

    def close(self) -> None:
        """Look for no more orders to cancel; each cancel under way goes on by itself."""
        if self._task is not None:
            self._task.cancel()

    async def _cancel_all(self) -> None:
        started = time.monotonic()
        count = self._desk.books.orders.open_count
        logger.error("the account is Halted: cancelling %d open orders", count)
        result = await carry_out(
            StopAction.CANCEL_ORDERS, self._desk, self._reconciler, deadline=started + _ROUND_SECONDS
        )
        self._next_round = time.monotonic() + (0.0 if result.result == "Done" else _PAUSE_SECONDS)
        self.result = result
        logger.error("kill switch: %s: %s (%.3f s)", result.result, result.message, time.monotonic() - started)
