"""The lease a sidecar holds, and what of the account's limits it leaves to the algorithm at a given time.

Apart from the asking (`account_share.py`): the limits look at this, and a model of many holders tries it out.
"""

from decimal import Decimal

import msgspec

from stockade_gateway.control import AccountLimits
from stockade_gateway.share_messages import Lease


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """The lease as the limits look at it; with `error` nothing may grow. None does not limit."""

    error: str | None
    exposure: Decimal | None = None
    loss: Decimal | None = None
    orders: int | None = None


class HeldLease:
    """The newest lease, for as long as it is valid; told the time, so that it can be tried out in any order."""

    def __init__(self) -> None:
        self._lease: Lease | None = None
        self._expires = 0.0

    def take(self, lease: Lease, asked: float) -> None:
        """Obey this lease from now on; it is valid from when it was asked for."""
        self._lease, self._expires = lease, asked + lease.valid_seconds

    def find(self, now: float) -> Lease | None:
        """Return the lease in force, None when there is none."""
        return self._lease if self._lease is not None and now < self._expires else None

    def judge(self, limits: AccountLimits | None, now: float, failure: str | None) -> Share:
        """Return what may be used, given the limits this side knows of."""
        lease = self.find(now)
        if lease is None:
            # The exchange bounds orders in any case; the last share keeps them fair until there is another.
            orders = self._lease.orders if self._lease is not None else None
            return Share(error=failure or "the account gateway has not answered yet", orders=orders)
        if limits is None:
            return Share(error=None, orders=lease.orders)
        # Under a higher limit others may have got more than there is now.
        if _is_looser(lease.max_exposure, limits.max_exposure) or _is_looser(
            lease.max_daily_loss, limits.max_daily_loss
        ):
            return Share(error="the account gateway does not know the new limits yet", orders=lease.orders)
        return Share(error=lease.reason, exposure=lease.exposure, loss=lease.loss, orders=lease.orders)


def _is_looser(given: Decimal | None, known: Decimal | None) -> bool:
    return known is not None and (given is None or given > known)
