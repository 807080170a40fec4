"""The bodies of requests and answers, as OpenAPI shows them; apart from the routes because they are all data.

Answers are the exchange's own objects: the fields named here are those a caller may count on, others pass through.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

SYMBOL_PATTERN = "^[A-Z0-9]{2,20}$"
CLIENT_ORDER_ID_PATTERN = "^[a-zA-Z0-9_-]{1,36}$"
Amount = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=18, allow_inf_nan=False)]
Interval = Literal["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]

_PRICED = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_STOPPED = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_TIMED = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")


class NewOrder(BaseModel):
    """An order to place. Amounts are decimal strings; `timeInForce` is GTC where one is needed and none is given."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    symbol: str = Field(pattern=SYMBOL_PATTERN, examples=["BTCUSDT"])
    side: Literal["BUY", "SELL"]
    type: Literal["MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
    quantity: Amount = Field(description="Amount of the base asset", examples=["0.001"])
    price: Amount | None = Field(default=None, description="Needed by the limit types, refused by the others")
    stop_price: Amount | None = Field(default=None, description="Needed by the stop types, refused by the others")
    time_in_force: Literal["GTC", "IOC", "FOK"] | None = None

    @model_validator(mode="after")
    def _check_type(self) -> "NewOrder":
        for name, value, types in (("price", self.price, _PRICED), ("stopPrice", self.stop_price, _STOPPED)):
            if (value is not None) != (self.type in types):
                raise ValueError(f"{self.type} {'needs' if value is None else 'takes no'} {name}")
        if self.time_in_force is not None and self.type not in _TIMED:
            raise ValueError(f"{self.type} takes no timeInForce")
        return self

    @property
    def effective_time_in_force(self) -> str | None:
        """What is sent: GTC where one is needed and none was given."""
        return self.time_in_force or ("GTC" if self.type in _TIMED else None)


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")


class Balance(_Answer):
    """What the account has of one asset."""

    asset: str
    free: str
    locked: str


class Account(_Answer):
    """The account's balances and what it may do."""

    balances: list[Balance]
    can_trade: bool
    can_withdraw: bool
    can_deposit: bool
    update_time: int


class Order(_Answer):
    """An order as the exchange has it; `clientOrderId` begins with `skm-` when it was placed here."""

    symbol: str
    order_id: int
    client_order_id: str
    price: str | None = None
    orig_qty: str | None = None
    executed_qty: str | None = None
    cummulative_quote_qty: str | None = None
    status: str | None = None
    time_in_force: str | None = None
    type: str | None = None
    side: str | None = None


class Trade(_Answer):
    """A trade of the account."""

    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    quote_qty: str
    commission: str
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


class Instrument(_Answer):
    """A symbol's trading rules."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[dict[str, object]]


class ExchangeInfo(_Answer):
    """The trading rules of one symbol or of all."""

    server_time: int
    symbols: list[Instrument]


Kline = list[int | str]
"""Open time, open, high, low, close, volume, close time, quote volume, trades, taker base, taker quote, unused."""


class ErrorDetail(BaseModel):
    """What went wrong: a code for programs and a sentence for people."""

    code: str = Field(examples=["TRADING_HALTED"])
    message: str


class ErrorAnswer(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorDetail


class PermissionsStatus(_Answer):
    """What the key may do."""

    can_trade: bool
    can_withdraw: bool
    ip_restricted: bool | None


class LedgerStatus(_Answer):
    """How far the ledger is behind."""

    spooled: int
    last_written_time: str | None
    error: str | None


class SharesStatus(_Answer):
    """How the account's limits are shared out: to how many sidecars, and what stands in the way."""

    holders: int
    message: str | None


class Status(_Answer):
    """How the gateway is; nothing in it is secret."""

    environment: str
    key_version: str
    permissions: PermissionsStatus | None
    clock_offset_milliseconds: int
    weight_used: int
    connected: bool
    control_generation: int | None
    trading: str | None
    ledger: LedgerStatus
    shares: SharesStatus
    message: str | None
