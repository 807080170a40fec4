"""One condition of a resource, in the form every Kubernetes tool understands.

Apart from the kinds because all three report the same way.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stockade_crds.field import Message, Time
from stockade_crds.resource import Part


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Part):
    """One observed fact with its reason."""

    type: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Z][A-Za-z0-9]*$")] = Field(
        description="What is judged, for example Ready."
    )
    status: ConditionStatus = Field(description="Whether it holds; Unknown when Stockade can't tell.")
    observed_generation: int | None = Field(
        default=None, ge=0, description="The object's generation this was judged for."
    )
    last_transition_time: Time = Field(description="When the status last changed.")
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Z][A-Za-z0-9]*$")] = Field(
        description="One word for why, stable enough for programs."
    )
    message: Message = Field(description="A sentence for people: what is so, and what to do.")


Conditions = Annotated[list[Condition], Field(max_length=20)]
