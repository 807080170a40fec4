"""What an attacker gets, as each attack's `expect.yaml` says it; and the list of all attacks."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

FOLDER = Path(__file__).parents[2] / "cluster/attacks"
CHECKLIST_ROWS = 84
WORKED = "worked"

Outcome = Annotated[str, Field(pattern=r"^(worked|[A-Z][A-Z0-9_]*)$")]
"""`worked`, an errno's name, a signal's name, or a verdict that the attack itself gives."""


class Defence(StrEnum):
    """What can be taken away, one at a time; each has a stage of its own, save `OUTSIDE`."""

    LAUNCHER = "launcher"
    """All of it."""
    FILTER = "filter"
    """The launcher's seccomp filter."""
    LANDLOCK = "landlock"
    HYGIENE = "hygiene"
    """The launcher's limits, closed descriptors and clean environment."""
    MOUNTS = "mounts"
    """What the algorithm mounts, and what of it is read-only: the root, the ring, its own source, its own memory."""
    SEPARATION = "separation"
    """No shared process namespace, no token, no service links."""
    IDENTITY = "identity"
    """The uid, no capabilities, no way to more."""
    GATEWAY = "gateway"
    """The checks of the gateway's own on what the algorithm sends."""
    OUTSIDE = "outside"
    """A defence that is not in the pod; the attack itself knows how to do without it."""


class Expectation(BaseModel):
    """One row of the suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checklist: tuple[Annotated[int, Field(ge=1, le=CHECKLIST_ROWS)], ...] = ()
    """Rows of the checklist this attack answers; empty for one that the list lacks."""
    bare: Annotated[str, Field(pattern="^(plain|privileged)$")] = "plain"
    """The container without any defence in which it has to work."""
    hardened: Outcome
    defence: Defence
    holds: Annotated[str, Field(min_length=3)]
    """Which rule, setting or line of that defence it is."""
    removed: Outcome
    """What the attacker gets once the defence is gone."""
    next: str | None = None
    """The next defence, where it still fails."""

    @model_validator(mode="after")
    def _ask_for_a_next_defence(self) -> Self:
        if (self.removed == WORKED) == (self.next is not None):
            raise ValueError("next: name the next defence when `removed` is not `worked`, and only then")
        if self.hardened == WORKED:
            raise ValueError("hardened: an attack that works there is a hole, not a row")
        return self


class Attack(BaseModel):
    """One folder: what it does, and what has to come of it."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    expected: Expectation

    @property
    def is_inside(self) -> bool:
        """Whether it runs in the algorithm's container."""
        return self.expected.defence is not Defence.OUTSIDE


def read_attacks() -> list[Attack]:
    """Return every attack, by name."""
    return [read_attack(folder) for folder in sorted(FOLDER.iterdir()) if (folder / "expect.yaml").exists()]


def read_attack(folder: Path) -> Attack:
    """Return one attack; raises ValidationError when its expectation is not one."""
    expected = Expectation.model_validate(yaml.safe_load((folder / "expect.yaml").read_text()))
    return Attack(name=folder.name, source=(folder / "attack.py").read_text(), expected=expected)
