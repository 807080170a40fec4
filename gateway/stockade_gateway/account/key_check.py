"""What the account's key may do, and whether the clock is right: asked at the start and again from time to time.

A key that can withdraw is refused: no order is placed with it.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from stockade_gateway.account.errors import RequestError
from stockade_gateway.account.exchange_client import ExchangeClient
from stockade_gateway.errors import ExchangeError, RateLimitedError, StatusUnknownError
from stockade_gateway.rate_budget import Purpose

_AGAIN_SECONDS = 300.0
_FAILED_AGAIN_SECONDS = 5.0
# Play money can't be withdrawn, and these two have no address that tells a key's restrictions.
_WITHOUT_RESTRICTIONS = ("Testnet", "Demo")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the exchange says of the key; `ip_restricted` is None where it does not say."""

    can_trade: bool
    can_withdraw: bool
    ip_restricted: bool | None


class KeyCheck:
    """The newest result; `message` says what is wrong with the key, None when nothing is."""

    def __init__(self, exchange: ExchangeClient, environment: str) -> None:
        self._exchange = exchange
        self._environment = environment
        self.checked = False
        self.permissions: Permissions | None = None
        self.message: str | None = "the key has not been checked yet"

    def refuse_key(self) -> None:
        """Raise RequestError (409) while the key must not trade."""
        if not self.checked:
            raise RequestError(409, "KEY_NOT_CHECKED", f"The account's key can't be used yet: {self.message}")
        if self.permissions is not None and self.permissions.can_withdraw:
            raise RequestError(409, "KEY_CAN_WITHDRAW", str(self.message))

    async def run(self) -> None:
        """Check, and check again, until cancelled."""
        while True:
            try:
                await self._exchange.measure_clock()
                self._note(await self._ask())
            except ExchangeError as error:
                self._note_failure(error)
                await asyncio.sleep(_FAILED_AGAIN_SECONDS)
            else:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _ask(self) -> Permissions:
        # Until it is known no order is placed by hand; looking again can wait.
        purpose = Purpose.UPKEEP if self.checked else Purpose.ORDER
        account = await self._exchange.get_account(purpose)
        if self._environment in _WITHOUT_RESTRICTIONS:
            return Permissions(can_trade=bool(account["canTrade"]), can_withdraw=False, ip_restricted=None)
        return read_permissions(account, await self._exchange.get_key_restrictions(purpose))

    def _note(self, permissions: Permissions) -> None:
        self.checked = True
        self.permissions = permissions
        self.message = find_fault(permissions)

    def _note_failure(self, error: ExchangeError) -> None:
        """Keep what is known when the exchange only did not answer; forget it when it refused the key."""
        if not isinstance(error, RateLimitedError | StatusUnknownError) and error.status:
            self.checked = False
            self.permissions = None
        message = f"the key can't be checked: {error}"
        if message != self.message:
            _LOG.warning("%s", message)
        self.message = message


def read_permissions(account: dict[str, Any], restrictions: dict[str, Any]) -> Permissions:
    """Join what the exchange says of the account and of the key (`/sapi/v1/account/apiRestrictions`)."""
    return Permissions(
        can_trade=bool(account["canTrade"]) and bool(restrictions.get("enableSpotAndMarginTrading", False)),
        # Not said is not allowed: a key of which we don't know that it can't withdraw is treated as one that can.
        can_withdraw=bool(restrictions.get("enableWithdrawals", True)),
        ip_restricted=restrictions.get("ipRestrict"),
    )


def find_fault(permissions: Permissions) -> str | None:
    """Say in words what is wrong with a key, None when nothing is."""
    if permissions.can_withdraw:
        return "The key can withdraw; make one without that right and put it into a new Secret."
    if not permissions.can_trade:
        return "The key can't trade; allow spot trading for it at the exchange."
    return None
