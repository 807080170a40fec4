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
    """One state of what is wanted. `generation` is the resource's with it, None while that is being written.

    `told_ms` is when a gateway had its generation, `acknowledged_ms` when all of it was in force for certain.
    """

    set_ms: int
    trading: str
    limits: dict[str, Any]
    account_generation: int
    generation: int | None = None
    told_ms: int | None = None
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
        for each in self.every:
            if each.told_ms is None and each.generation is not None and generation >= each.generation:
                each.told_ms = at_ms
        newest = self.newest
        if newest.acknowledged_ms is not None or newest.generation is None:
            return
        is_told = generation >= newest.generation and trading == newest.trading
        if is_told and account_generation >= newest.account_generation:
            newest.acknowledged_ms = at_ms

    def list_periods(self) -> list[ControlPeriod]:
        """Return them as the judge reads them."""
        return [ControlPeriod(each.set_ms, each.acknowledged_ms, each.trading, each.limits) for each in self.every]
