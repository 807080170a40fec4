"""Delivery of user events to whoever subscribed, apart from matching so that losing one can't change an order."""

from collections.abc import Callable
from typing import Any

from stockade_paper.faults import Faults
from stockade_paper.turn import Turn

Deliver = Callable[[dict[str, Any]], None]


class UserStreams:
    """All subscriptions of all accounts; it is one of the exchange's sinks."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._subscribers: dict[int, list[Deliver]] = {}

    def subscribe(self, account_id: int, deliver: Deliver) -> None:
        """Send an account's events to `deliver` until it is unsubscribed."""
        self._subscribers.setdefault(account_id, []).append(deliver)

    def unsubscribe(self, account_id: int, deliver: Deliver) -> None:
        """End a subscription."""
        if deliver in self._subscribers.get(account_id, []):
            self._subscribers[account_id].remove(deliver)

    def __call__(self, turn: Turn) -> None:
        """Deliver one committed step's events, in order."""
        for account_id, event in turn.events:
            subscribers = self._subscribers.get(account_id)
            if not subscribers or self._is_lost(turn.time_ms):
                continue
            times = 2 if self._faults.strike("duplicate-user-events") else 1
            for deliver in tuple(subscribers) * times:
                deliver(event)

    def _is_lost(self, now_ms: int) -> bool:
        if self._faults.is_active("freeze-user-events", now_ms):
            return True
        return self._faults.strike("lose-user-events") is not None
