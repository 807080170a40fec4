"""What every endpoint is given and how it is declared; REST and the WebSocket API are two doors to the same table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from stockade_paper.accounts import Account, ApiKey
from stockade_paper.exchange import Exchange
from stockade_paper.limits import Limits
from stockade_paper.parameters import Parameters


class Call(msgspec.Struct, frozen=True):
    """One request that has passed its checks."""

    exchange: Exchange
    limits: Limits
    parameters: Parameters
    server_time_ms: int
    key: ApiKey | None = None

    @property
    def account(self) -> Account:
        """The account of a signed request."""
        if self.key is None:
            raise LookupError("this endpoint is public: it has no account")
        return self.exchange.accounts.account_of(self.key)

    @property
    def now_ms(self) -> int:
        """The exchange's true time; `server_time_ms` is what it tells."""
        return self.exchange.clock()


WeightRule = int | Callable[[Parameters], int]


@dataclass(frozen=True)
class Endpoint:
    """One function of the API; `rest` and `websocket` are its two names, either may be missing.

    `orders` is what a success adds to the unfilled-order count; such a success weighs nothing when `is_free` is set.
    """

    handler: Callable[[Call], Any]
    weight: WeightRule
    rest: tuple[str, str] | None = None
    websocket: str | None = None
    signed: bool = False
    orders: int = 0
    is_free: bool = False

    @property
    def needs_trade_permission(self) -> bool:
        """Whether it changes orders."""
        return self.signed and self.rest is not None and self.rest[0] != "GET"

    def weigh(self, parameters: Parameters) -> int:
        """Return the weight of a request with these parameters."""
        return self.weight if isinstance(self.weight, int) else self.weight(parameters)
