"""The dead man's switch: what is due when the algorithm has given no sign of life for too long; pure, told the time."""

from stockade_gateway.control import DeadMan, StopAction

STEADY_SECONDS = 10.0
"""How long an algorithm that was started anew has to run before it counts as alive again.

Without it one that crashes at every start, and is started again and again, would never be found dead.
"""


class DeadManSwitch:
    """Counts from the last sign of life, or from the gateway's own start; fires once per silence."""

    def __init__(self, now: float) -> None:
        self._last_life = now
        self._last_word = now
        self._began = now
        self._here = False
        self._fell = False
        self._fired = False

    def note_start(self, now: float) -> None:
        """Take in that the algorithm has come, for the first time or anew."""
        self._began = now
        self._here = True
        self.note_life(now)

    def note_life(self, now: float) -> None:
        """Take in a sign of life: any message of the algorithm."""
        self._last_word = now
        if self._is_on_trial(now):
            return
        self._fell = False
        self._last_life = now
        self._fired = False

    def note_end(self) -> None:
        """Take in that the algorithm has gone; what it did since it came anew falls under the switch once more."""
        if self._fell:
            self._fired = False
        self._here = False
        self._fell = True

    def silent_seconds(self, now: float) -> float:
        """Return how long the algorithm has said nothing."""
        return now - self._last_word

    @property
    def fired(self) -> bool:
        """True while the silence that made an action due lasts."""
        return self._fired

    def take_due_action(self, dead_man: DeadMan | None, now: float) -> StopAction | None:
        """Return the action that has become due, once; None when there is none."""
        if dead_man is None or self._fired or self._is_on_trial(now):
            return None
        if now - self._last_life < dead_man.after_seconds:
            return None
        self._fired = True
        return dead_man.action

    def _is_on_trial(self, now: float) -> bool:
        """Return whether it has come anew a moment ago: neither its life nor its death is believed yet."""
        return self._here and self._fell and now - self._began < STEADY_SECONDS
