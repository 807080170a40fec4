"""What every resource shares: the API group, the rules for reading a field, and an object's metadata.

Apart from the kinds, so that a kind's module holds nothing but its own fields.
"""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "stockade.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class Part(BaseModel):
    """A piece of a resource: frozen, snake case here, camel case in Kubernetes.

    Unknown fields are ignored: the API server has refused or pruned them already, and an operator must go on working
    while a newer definition is being rolled out.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class Metadata(Part):
    """The part of an object's metadata that Stockade reads."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: list[str] = Field(default_factory=list)
