"""Delivery of user events to whoever subscribed, apart from matching so that losing one can't change an order."""

from collections.abc import Callable
from typing import Any, NamedTuple

from stockade_paper.faults import Faults
from stockade_paper.latency import DelayLine, LatencyModel
from stockade_paper.turn import Turn

Event = dict[str, Any]
Deliver = Callable[[Event], None]


class Subscription(NamedTuple):
    """The ways to one subscriber: in order, and apart from all others for an event that these overtake."""

    in_order: DelayLine[Event]
    overtaken: DelayLine[Event]


class UserStreams:
    """All subscriptions of all accounts; it is one of the exchange's sinks."""

    def __init__(self, faults: Faults, latency: LatencyModel) -> None:
        self._faults = faults
        self._latency = latency
        self._subscribers: dict[int, dict[Deliver, Subscription]] = {}

    def subscribe(self, account_id: int, deliver: Deliver) -> None:
        """Send an account's events to `deliver` until it is unsubscribed."""
        self._subscribers.setdefault(account_id, {})[deliver] = Subscription(DelayLine(deliver), DelayLine(deliver))

    def unsubscribe(self, account_id: int, deliver: Deliver) -> None:
        """End a subscription."""
        for line in self._subscribers.get(account_id, {}).pop(deliver, ()):
            line.close()

    def __call__(self, turn: Turn) -> None:
        """Deliver one committed step's events, in order."""
        for account_id, event in turn.events:
            subscribers = self._subscribers.get(account_id)
            if not subscribers or self._is_lost():
                continue
            times = 2 if self._faults.strike("duplicate-user-events") else 1
            late = self._faults.strike("delay-user-events")
            overtaken = self._faults.strike("overtake-user-events")
            for subscription in tuple(subscribers.values()) * times:
                seconds = self._latency.draw_user_event() + (late.milliseconds / 1000 if late else 0.0)
                if overtaken is None:
                    subscription.in_order.put(event, seconds)
                else:
                    subscription.overtaken.put(event, seconds + overtaken.milliseconds / 1000)

    def _is_lost(self) -> bool:
        if self._faults.find_active("freeze-user-events") is not None:
            return True
        return self._faults.strike("lose-user-events") is not None
