"""The dead man's switch at work: carries out the action that has become due, until it is done or the algorithm is back.

Apart from the switch (`dead_man.py`), which only tells what is due.
"""

import asyncio
import logging
import time

from stockade_gateway.control import StopAction
from stockade_gateway.dead_man import DeadManSwitch
from stockade_gateway.desk import Desk
from stockade_gateway.on_stop import StopResult, carry_out
from stockade_gateway.reconcile import Reconciler

_ROUND_SECONDS = 60.0
_PAUSE_SECONDS = 15.0

logger = logging.getLogger(__name__)


class DeadManAction:
    """Call `check` at least ten times a second; `result` is what came of the newest action, None before the first."""

    def __init__(self, switch: DeadManSwitch, desk: Desk, reconciler: Reconciler) -> None:
        self._switch = switch
        self._desk = desk
        self._reconciler = reconciler
        self._task: asyncio.Task[None] | None = None
        self.result: StopResult | None = None

    def check(self) -> None:
        """Begin the action if the algorithm has been silent for long enough."""
        control = self._desk.control_file.control
        if control is None or self._desk.leaving:
            return
        if self._reconciler.last_time is None:
            # The algorithm is not started before the gateway is ready: until then its silence says nothing.
            self._switch.note_life(time.monotonic())
            return
        action = self._switch.take_due_action(control.dead_man, time.monotonic())
        if action is not None:
            self.close()
            logger.error("the algorithm gives no sign of life: %s", action.value)
            self._task = asyncio.get_running_loop().create_task(self.act(action))

    async def act(self, action: StopAction) -> None:
        """Carry the action out, again and again while it is not done and the algorithm still silent."""
        while self._switch.fired:
            deadline = time.monotonic() + _ROUND_SECONDS
            self.result = result = await carry_out(action, self._desk, self._reconciler, deadline=deadline)
            logger.error("dead man %s: %s: %s", result.action, result.result, result.message)
            if result.result == "Done":
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Give up what is under way: two that flatten at once would each close the whole position."""
        if self._task is not None:
            self._task.cancel()
