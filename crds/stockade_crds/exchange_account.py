"""ExchangeAccount: one account at the exchange, the Secret with its keys, and the switch over all its algorithms."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stockade_crds.condition import Conditions
from stockade_crds.field import Amount, Asset, ObjectName, SignedAmount, SubdomainName, Time
from stockade_crds.resource import Metadata, Part


class Environment(StrEnum):
    """Which exchange an account is at, and so whether its money is real."""

    PAPER = "Paper"
    TESTNET = "Testnet"
    DEMO = "Demo"
    LIVE = "Live"


class Trading(StrEnum):
    """What may be sent to the exchange; cancels always may."""

    ACTIVE = "Active"
    REDUCING = "Reducing"
    HALTED = "Halted"


class KeysSecret(Part):
    """Where the keys are."""

    name: SubdomainName = Field(
        description="A Secret in the same namespace. Replacing keys means a new Secret and its name here."
    )


class Endpoints(Part):
    """Where the exchange answers."""

    rest: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^https?://[A-Za-z0-9.:_/-]+$")] | None = Field(
        default=None, description="The root of the REST API, for example http://exchange.example:9000."
    )
    websocket_api: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^wss?://[A-Za-z0-9.:_/-]+$")] | None = (
        Field(default=None, description="The WebSocket API, for example ws://exchange.example:9000/ws-api/v3.")
    )
    streams: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^wss?://[A-Za-z0-9.:_/-]+$")] | None = Field(
        default=None, description="The root of the market streams, for example ws://exchange.example:9000."
    )


class AccountLimits(Part):
    """Limits over all algorithms and manual orders of the account."""

    max_exposure: Amount | None = Field(
        default=None, description="The largest sum of all positions' values, in quoteAsset."
    )
    max_daily_loss: Amount | None = Field(
        default=None,
        description="The loss of one UTC day, in quoteAsset, after which trading is halted. "
        "It is what the day realized, less its fees, and all that is unrealized now, whenever that was lost.",
    )
    quote_asset: Asset = Field(default="USDT", description="The asset these limits are counted in.")


class ExchangeAccountSpec(Part):
    """What the owner of the account wants."""

    environment: Environment = Field(
        description="Which exchange: Paper (Stockade's own), Testnet or Demo (the exchange's, with play money), Live "
        "(real money). It never changes."
    )
    keys_secret: KeysSecret = Field(
        description="The Secret with apiKey, and apiSecret (HMAC) or privateKey (PEM, Ed25519 or RSA)."
    )
    endpoints: Endpoints | None = Field(
        default=None,
        description="Where the exchange answers, for Paper only; the other environments have theirs built in.",
    )
    trading: Trading = Field(
        default=Trading.ACTIVE,
        description="The switch over the whole account: Active, Reducing (only orders that lower a position) or Halted "
        "(every open order of its algorithms and by hand is cancelled, and none follows). The stricter of this and the "
        "Algorithm's own counts.",
    )
    limits: AccountLimits | None = Field(
        default=None, description="Limits over all algorithms and manual orders of the account."
    )


class ExchangeAccountStatus(Part):
    """What the operator and the account's gateway found."""

    observed_generation: int | None = Field(default=None, ge=0, description="The generation this status was made for.")
    key_version: Annotated[str, Field(max_length=8, pattern=r"^[0-9a-f]{8}$")] | None = Field(
        default=None, description="The first 8 hex digits of the SHA-256 of the API key's id; never more of it."
    )
    permissions: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=30)] | None = Field(
        default=None, description="What the exchange says the key may do."
    )
    ip_restricted: bool | None = Field(
        default=None, description="Whether the exchange takes the key from listed addresses only."
    )
    can_withdraw: bool | None = Field(
        default=None, description="Whether the key could withdraw; such a key is refused."
    )
    weight_used: int | None = Field(
        default=None, ge=0, description="Request weight used in the exchange's current minute."
    )
    algorithms: Annotated[list[ObjectName], Field(max_length=1000)] | None = Field(
        default=None, description="The Algorithms that use this account."
    )
    open_exposure: SignedAmount | None = Field(
        default=None, description="The sum of all positions' values, in the limits' quoteAsset."
    )
    last_reconciled_time: Time | None = Field(
        default=None, description="When account and exchange last agreed on orders and balances."
    )
    conditions: Conditions = Field(
        default_factory=list, description="Facts with reasons: Ready, KeysAvailable, GatewayReady."
    )


class ExchangeAccount(Part):
    """The whole object."""

    metadata: Metadata
    spec: ExchangeAccountSpec
    status: ExchangeAccountStatus = Field(default_factory=ExchangeAccountStatus)
