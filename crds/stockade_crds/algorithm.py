"""Algorithm: one trading program, the account it trades on, and everything it is not allowed to do."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from stockade_crds.condition import Conditions
from stockade_crds.exchange_account import Environment, Trading
from stockade_crds.field import (
    Amount,
    Asset,
    Cpu,
    Line,
    Memory,
    Message,
    ObjectName,
    SignedAmount,
    SubdomainName,
    Symbol,
    Time,
)
from stockade_crds.resource import Metadata, Part


class State(StrEnum):
    """Whether there should be a pod."""

    RUNNING = "Running"
    STOPPED = "Stopped"


class StopAction(StrEnum):
    """What the gateway does with orders and position before it leaves."""

    KEEP = "Keep"
    CANCEL_ORDERS = "CancelOrders"
    FLATTEN = "Flatten"


class StopResult(StrEnum):
    """How a stop action ended."""

    DONE = "Done"
    INCOMPLETE = "Incomplete"


class UpdatePolicy(StrEnum):
    """When a new release of Stockade may restart the pod."""

    MANUAL = "Manual"
    WHEN_FLAT = "WhenFlat"
    IMMEDIATE = "Immediate"


class AlgorithmState(StrEnum):
    """What the algorithm is doing, in one word."""

    REJECTED = "Rejected"
    PENDING = "Pending"
    STARTING = "Starting"
    RUNNING = "Running"
    FAULTED = "Faulted"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    UNKNOWN = "Unknown"


class ConfigMapSource(Part):
    """Code in a ConfigMap."""

    name: SubdomainName = Field(description="The ConfigMap's name, in the same namespace.")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="algorithm.py", description="The key that holds the code."
    )


class Source(Part):
    """Where the code is: exactly one of the three."""

    inline: Annotated[str, Field(min_length=1, max_length=262144)] | None = Field(
        default=None, description="The code itself, at most 256 KiB."
    )
    config_map: ConfigMapSource | None = Field(
        default=None, description="Code in a ConfigMap; a change of the ConfigMap is a new version."
    )
    image: (
        Annotated[str, Field(max_length=512, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$")] | None
    ) = Field(
        default=None,
        description="An image by digest that holds code and packages as data. It is mounted read-only and never run.",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [part for part in (self.inline, self.config_map, self.image) if part is not None]
        if len(given) != 1:
            raise ValueError("source: write exactly one of inline, configMap or image")
        return self


class Limits(Part):
    """What no order of this algorithm may pass; an absent limit does not exist."""

    max_order_notional: Amount | None = Field(
        default=None, description="The largest value of one order, in quoteAsset."
    )
    max_position_notional: Amount | None = Field(
        default=None, description="The largest value of one symbol's position, open orders included, in quoteAsset."
    )
    max_open_orders: Annotated[int, Field(ge=1, le=200)] | None = Field(
        default=None, description="How many orders may be open at once."
    )
    max_orders_per_minute: Annotated[int, Field(ge=1, le=6000)] | None = Field(
        default=None, description="How many new orders one minute may see."
    )
    max_daily_loss: Amount | None = Field(
        default=None,
        description="The loss of one UTC day, in quoteAsset, after which orders that raise a position are denied. "
        "It is what the day realized, less its fees, and all that is unrealized now, whenever that was lost; "
        "a fill of yesterday that is found late counts for today.",
    )
    price_band_percent: Amount | None = Field(
        default=None, description="How far from the market a limit price may be, in percent, at most 100."
    )
    quote_asset: Asset = Field(default="USDT", description="The asset these limits are counted in.")


class DeadMan(Part):
    """What happens when the algorithm dies or falls silent while its gateway lives."""

    after_seconds: int = Field(ge=5, le=86400, description="How long the silence must last.")
    action: StopAction = Field(
        default=StopAction.CANCEL_ORDERS,
        description="Keep (leave everything), CancelOrders, or Flatten (cancel, then close the position).",
    )


class Resources(Part):
    """What the algorithm's container may use."""

    cpu: Cpu = Field(default="500m", description="The cpu limit, from 10m to 16.")
    memory: Memory = Field(default="256Mi", description="The memory limit, from 32Mi to 64Gi.")


class AlgorithmSpec(Part):
    """What the trader wants."""

    account: ObjectName = Field(
        description="The ExchangeAccount, in the same namespace, that it trades on; its environment is the algorithm's "
        "mode. It can change only while state is Stopped."
    )
    source: Source = Field(description="Where the code is: exactly one of inline, configMap or image.")
    entrypoint: (
        Annotated[
            str,
            Field(
                max_length=200, pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="The class to run, as module:Class. Without it the code must hold exactly one Strategy.",
    )
    parameters: Annotated[dict[str, Any], Field(max_length=200)] | None = Field(
        default=None,
        description="A free object that the strategy checks against the parameters it declares; "
        "nested at most five deep.",
    )
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=50)] = Field(
        description="The symbols it may see and trade, in the exchange's spelling, for example BTCUSDT."
    )
    state: State = Field(
        default=State.RUNNING, description="Running means that there is a pod; Stopped means that there is none."
    )
    trading: Trading = Field(
        default=Trading.ACTIVE,
        description="Active, Reducing (only orders that lower the position) or Halted (only cancels). "
        "A change takes effect within a second and restarts nothing.",
    )
    limits: Limits | None = Field(
        default=None, description="What no order of this algorithm may pass. Required when the account is Live."
    )
    on_stop: StopAction = Field(
        default=StopAction.CANCEL_ORDERS,
        description="What the gateway does before it leaves: Keep (leave everything), CancelOrders, or Flatten "
        "(cancel, then close the position).",
    )
    dead_man: DeadMan | None = Field(
        default=None, description="What happens when the algorithm dies or falls silent while its gateway lives."
    )
    update_policy: UpdatePolicy = Field(
        default=UpdatePolicy.MANUAL,
        description="When a new release of Stockade may restart the pod: Manual (when the user says so), WhenFlat "
        "(without position and open orders) or Immediate. A change of source or parameters applies at once.",
    )
    resources: Resources = Field(default_factory=Resources, description="What the algorithm's container may use.")
    runtime_class_name: SubdomainName | None = Field(
        default=None, description="A RuntimeClass with stronger isolation; see gVisor and Kata in SECURITY.md."
    )
    host_users: bool = Field(
        default=True,
        description="False gives the pod users of its own, so that whoever breaks out of it is nobody on the node. "
        "Needs nodes with user namespaces (Linux 6.3, containerd 2.0).",
    )


class Version(Part):
    """One frozen version of the code and its parameters."""

    number: int = Field(ge=1, description="Counts up from 1 with every change of source or parameters.")
    hash: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[0-9a-f]+$")] = Field(
        description="SHA-256 of the version's content."
    )


class Fault(Part):
    """Why the algorithm's own code failed."""

    kind: Line = Field(description="The kind of failure, usually the exception's name.")
    message: Message = Field(description="What the failure said.")
    file: Line | None = Field(default=None, description="The file it happened in.")
    line: int | None = Field(default=None, ge=0, description="The line it happened at.")


class OnStopOutcome(Part):
    """What the last stop did with orders and position."""

    action: StopAction = Field(description="What was to be done.")
    result: StopResult = Field(description="Done, or Incomplete when something is left at the exchange.")
    message: Message = Field(default="", description="What was done and what is left.")


class AlgorithmStatus(Part):
    """What the operator and the algorithm's gateway found."""

    observed_generation: int | None = Field(default=None, ge=0, description="The generation this status was made for.")
    state: AlgorithmState | None = Field(default=None, description="What the algorithm is doing, in one word.")
    mode: Environment | None = Field(
        default=None, description="The account's environment: whether this is Paper, Testnet, Demo or Live trading."
    )
    account: ObjectName | None = Field(default=None, description="The ExchangeAccount the pod trades on.")
    trading: Trading | None = Field(
        default=None, description="What the gateway enforces now: the stricter of the Algorithm's and the account's."
    )
    version: Version | None = Field(default=None, description="The frozen version of code and parameters in use.")
    pod: SubdomainName | None = Field(default=None, description="The pod's name; absent when there is none.")
    open_orders: int | None = Field(default=None, ge=0, description="How many orders are open at the exchange.")
    position_notional: SignedAmount | None = Field(
        default=None, description="The value of all positions, in quoteAsset."
    )
    realized_pnl_today: SignedAmount | None = Field(
        default=None, description="Profit and loss realized in this UTC day, before fees, in quoteAsset."
    )
    fees_today: SignedAmount | None = Field(default=None, description="Fees of this UTC day, in quoteAsset.")
    quote_asset: Asset | None = Field(default=None, description="The asset that these amounts are counted in.")
    key_version: Annotated[str, Field(max_length=8, pattern=r"^[0-9a-f]{8}$")] | None = Field(
        default=None,
        description="The first 8 hex digits of the SHA-256 of the id of the API key that the pod trades with; "
        "never more of it.",
    )
    ledger_spooled: int | None = Field(
        default=None, ge=0, description="How many ledger rows wait in the gateway for the database."
    )
    applied_control_generation: int | None = Field(
        default=None, ge=0, description="The control generation that the gateway enforces."
    )
    last_reconciled_time: Time | None = Field(
        default=None, description="When gateway and exchange last agreed on orders and position."
    )
    fault: Fault | None = Field(
        default=None, description="Why the algorithm's own code failed; absent when it did not."
    )
    on_stop: OnStopOutcome | None = Field(default=None, description="What the last stop did with orders and position.")
    conditions: Conditions = Field(
        default_factory=list,
        description="Facts with reasons: Ready (sums up), Accepted, Scheduled, GatewayReady, Connected, Reconciled, "
        "AlgorithmRunning, WithinLimits, UpdatePending, Stalled.",
    )


class Algorithm(Part):
    """The whole object."""

    metadata: Metadata
    spec: AlgorithmSpec
    status: AlgorithmStatus = Field(default_factory=AlgorithmStatus)
