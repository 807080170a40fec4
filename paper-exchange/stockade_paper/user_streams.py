"""Delivery of user events to whoever subscribed, apart from matching so that losing one can't change an order."""

from collections.abc import Callable
from typing import Any

from stockade_paper.faults import Faults
from stockade_paper.latency import DelayLine, LatencyModel
from stockade_paper.turn import Turn

Event = dict[str, Any]
Deliver = Callable[[Event], None]


class UserStreams:
    """All subscriptions of all accounts; it is one of the exchange's sinks."""

    def __init__(self, faults: Faults, latency: LatencyModel) -> None:
        self._faults = faults
        self._latency = latency
        self._subscribers: dict[int, dict[Deliver, DelayLine[Event]]] = {}

    def subscribe(self, account_id: int, deliver: Deliver) -> None:
        """Send an account's events to `deliver` until it is unsubscribed."""
        self._subscribers.setdefault(account_id, {})[deliver] = DelayLine(deliver)

    def unsubscribe(self, account_id: int, deliver: Deliver) -> None:
        """End a subscription."""
        line = self._subscribers.get(account_id, {}).pop(deliver, None)
        if line is not None:
            line.close()

    def __call__(self, turn: Turn) -> None:
        """Deliver one committed step's events, in order."""
        for account_id, event in turn.events:
            subscribers = self._subscribers.get(account_id)
            if not subscribers or self._is_lost():
                continue
            times = 2 if self._faults.strike("duplicate-user-events") else 1
            late = self._faults.strike("delay-user-events")
            for line in tuple(subscribers.values()) * times:
                line.put(event, self._latency.draw_user_event() + (late.milliseconds / 1000 if late else 0.0))

    def _is_lost(self) -> bool:
        if self._faults.find_active("freeze-user-events") is not None:
            return True
        return self._faults.strike("lose-user-events") is not None
