"""Tenant: one user or team, with a namespace, a quota and a role in the ledger of its own."""

from typing import Annotated

from pydantic import Field

from stockade_crds.condition import Conditions
from stockade_crds.field import Cpu, Memory, SubdomainName
from stockade_crds.resource import Metadata, Part


class TenantQuota(Part):
    """What the tenant's namespace may hold at most."""

    algorithms: int = Field(default=20, ge=0, le=1000, description="How many Algorithms may exist.")
    cpu: Cpu = Field(default="16", description="The sum of all containers' cpu limits, for example 16.")
    memory: Memory = Field(default="16Gi", description="The sum of all containers' memory limits, for example 16Gi.")


class TenantExchange(Part):
    """What the tenant may do on exchanges."""

    allow_live: bool = Field(
        default=False,
        description="Whether its accounts may trade with real money; without it Live accounts are refused.",
    )


class TenantSpec(Part):
    """What the administrator of the cluster wants."""

    display_name: Annotated[str, Field(min_length=1, max_length=80)] | None = Field(
        default=None, description="The name people read; the object's own name is used where it is absent."
    )
    quota: TenantQuota = Field(default_factory=TenantQuota, description="What the tenant's namespace may hold at most.")
    exchange: TenantExchange = Field(default_factory=TenantExchange, description="What the tenant may do on exchanges.")


class TenantStatus(Part):
    """What the operator found."""

    observed_generation: int | None = Field(default=None, ge=0, description="The generation this status was made for.")
    namespace: SubdomainName | None = Field(default=None, description="The namespace that belongs to the tenant.")
    conditions: Conditions = Field(
        default_factory=list,
        description="Facts with reasons: Ready, NamespaceReady, LedgerReady, NetworkPolicyEnforced.",
    )


class Tenant(Part):
    """The whole object."""

    metadata: Metadata
    spec: TenantSpec = Field(default_factory=TenantSpec)
    status: TenantStatus = Field(default_factory=TenantStatus)
