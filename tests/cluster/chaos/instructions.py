"""What one resource was told when, and from when on its gateway obeyed it for certain.

Apart from the stage because an account's limits reach an algorithm by another way than its own: as a lease.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.chaos.evidence import ControlPeriod

# A lease under the limits of before is over by then: five seconds, and what two processes may be late by.
LEASE_OVER_MS = 7_000


@dataclass
class Instruction:
    """One state of what is wanted. `generation` is the resource's with it, None while that is being written."""

    set_ms: int
    trading: str
    limits: dict[str, Any]
    account_generation: int
    generation: int | None = None
    acknowledged_ms: int | None = None


@dataclass
class Instructions:
    """All that one resource was told, oldest first."""

    every: list[Instruction] = field(default_factory=list)

    @property
    def newest(self) -> Instruction:
        """What it is to obey now."""
        return self.every[-1]

    @property
    def are_obeyed(self) -> bool:
        """Whether nothing is pending."""
        return self.newest.acknowledged_ms is not None

    def confirm(self, generation: int, trading: str | None, account_generation: int, at_ms: int) -> None:
        """Note what a gateway said that it obeys, and under which of the account's generations leases are."""
        newest = self.newest
        if newest.acknowledged_ms is not None or newest.generation is None:
            return
        is_told = generation >= newest.generation and trading == newest.trading
        if is_told and account_generation >= newest.account_generation:
            newest.acknowledged_ms = at_ms

    def find_delay_ms(self, instruction: Instruction) -> int | None:
        """Return how long it took until this or a later one was obeyed, None when none was."""
        later = self.every[self.every.index(instruction) :]
        seen = [each.acknowledged_ms for each in later if each.acknowledged_ms is not None]
        return min(seen) - instruction.set_ms if seen else None

    def list_periods(self) -> list[ControlPeriod]:
        """Return them as the judge reads them."""
        return [ControlPeriod(each.set_ms, each.acknowledged_ms, each.trading, each.limits) for each in self.every]
