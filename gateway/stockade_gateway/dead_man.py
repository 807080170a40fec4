"""The dead man's switch: what is due when the algorithm has given no sign of life for too long; pure, told the time."""

from stockade_gateway.control import DeadMan, StopAction


class DeadManSwitch:
    """Counts from the last sign of life, or from the gateway's own start; fires once per silence."""

    def __init__(self, now: float) -> None:
        self._last_life = now
        self._fired = False

    def note_life(self, now: float) -> None:
        """Take in a sign of life: any message of the algorithm."""
        self._last_life = now
        self._fired = False

    def silent_seconds(self, now: float) -> float:
        """Return how long there has been no sign of life."""
        return now - self._last_life

    @property
    def fired(self) -> bool:
        """True while the silence that made an action due lasts."""
        return self._fired

    def take_due_action(self, dead_man: DeadMan | None, now: float) -> StopAction | None:
        """Return the action that has become due, once; None when there is none."""
        if dead_man is None or self._fired or self.silent_seconds(now) < dead_man.after_seconds:
            return None
        self._fired = True
        return dead_man.action
