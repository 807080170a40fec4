"""Stockade's Kubernetes resources as Python models, so that operator and panel read and write the same fields.

The YAML beside this package is canonical: it is what the API server enforces. The models repeat it for Python's type
checker, and `tests/contract/crds` fails when the two differ in a name, a bound, a default or a description.
"""

from stockade_crds.algorithm import (
    Algorithm,
    AlgorithmSpec,
    AlgorithmState,
    AlgorithmStatus,
    ConfigMapSource,
    DeadMan,
    Fault,
    Limits,
    OnStopOutcome,
    Resources,
    Source,
    State,
    StopAction,
    StopResult,
    UpdatePolicy,
    Version,
)
from stockade_crds.condition import Condition, ConditionStatus
from stockade_crds.exchange_account import (
    AccountLimits,
    Endpoints,
    Environment,
    ExchangeAccount,
    ExchangeAccountSpec,
    ExchangeAccountStatus,
    KeysSecret,
    Trading,
)
from stockade_crds.keys import list_key_slots, name_next_keys
from stockade_crds.resource import API_VERSION, GROUP, VERSION, Metadata
from stockade_crds.tenant import Tenant, TenantExchange, TenantQuota, TenantSpec, TenantStatus

__all__ = [
    "API_VERSION",
    "GROUP",
    "VERSION",
    "AccountLimits",
    "Algorithm",
    "AlgorithmSpec",
    "AlgorithmState",
    "AlgorithmStatus",
    "Condition",
    "ConditionStatus",
    "ConfigMapSource",
    "DeadMan",
    "Endpoints",
    "Environment",
    "ExchangeAccount",
    "ExchangeAccountSpec",
    "ExchangeAccountStatus",
    "Fault",
    "KeysSecret",
    "Limits",
    "Metadata",
    "OnStopOutcome",
    "Resources",
    "Source",
    "State",
    "StopAction",
    "StopResult",
    "Tenant",
    "TenantExchange",
    "TenantQuota",
    "TenantSpec",
    "TenantStatus",
    "Trading",
    "UpdatePolicy",
    "Version",
    "list_key_slots",
    "name_next_keys",
]
