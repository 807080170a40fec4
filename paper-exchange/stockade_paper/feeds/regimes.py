"""Market regimes of the synthetic feed: how the same market behaves on a calm day, in a trend and in a crash."""

import random
from dataclasses import dataclass

from stockade_paper.errors import ConfigurationError


@dataclass(frozen=True)
class Regime:
    """Drift of the logarithm of the price per minute; volatility and trading as multiples of the usual ones."""

    drift_per_minute: float
    volatility: float
    activity: float


REGIMES = {
    "usual": Regime(0.0, 1.0, 1.0),
    "calm": Regime(0.0, 0.3, 0.4),
    "trending": Regime(0.0008, 0.9, 1.3),
    "crash": Regime(-0.02, 4.0, 6.0),
}
MIXED = "mixed"
MIXED_MINUTES = {"usual": 20.0, "calm": 20.0, "trending": 15.0, "crash": 1.5}
REGIME_NAMES = (*REGIMES, MIXED)


class Regimes:
    """Which regime holds; one for all symbols, as crashes are. `mixed` draws one after the other from its seed."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self._source = random.Random(f"{seed}/regimes")  # noqa: S311 - reproducible on purpose
        self._current = "usual" if name == MIXED else name
        self._left_seconds = 0.0

    def choose(self, name: object) -> None:
        """Let a regime hold from now on; raises ConfigurationError for an unknown one."""
        if name not in REGIME_NAMES:
            raise ConfigurationError(f"regime: '{name}' is unknown; write one of {', '.join(REGIME_NAMES)}")
        self.name = str(name)
        self._left_seconds = 0.0
        if self.name != MIXED:
            self._current = self.name

    @property
    def current(self) -> Regime:
        """The regime that holds now."""
        return REGIMES[self._current]

    def pass_time(self, seconds: float) -> None:
        """Let time pass; only in `mixed` it changes the regime."""
        if self.name != MIXED:
            return
        self._left_seconds -= seconds
        if self._left_seconds <= 0:
            self._current = self._source.choice([name for name in REGIMES if name != self._current])
            self._left_seconds = 60 * self._source.expovariate(1 / MIXED_MINUTES[self._current])
