"""Client order ids: how a gateway recognises its algorithm's orders on a shared account.

Apart from the messages because the operator and the account gateway need the prefix and nothing else of the wire.
"""

import base64
import hashlib
import re

MANUAL_PREFIX = "skm-"
"""Prefix of orders that a person placed through the account gateway."""

MAX_LENGTH = 36
"""Binance Spot, `newClientOrderId`: `^[a-zA-Z0-9-_]{1,36}$`."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ORDERS_PER_MILLISECOND = 36**5
_PREFIX_PATTERN = re.compile(r"sk[a-z2-7]{10}-|skm-")


def order_prefix(algorithm_uid: str) -> str:
    """Return the prefix of every order of the Algorithm resource with this uid, e.g. `sk4f2ab7c6de-`.

    The uid and not the name: an algorithm that is deleted and made anew must not take its predecessor's orders for
    its own.
    """
    digest = hashlib.sha256(algorithm_uid.encode()).digest()
    return f"sk{base64.b32encode(digest).decode().lower()[:10]}-"


def order_number(prefix: str, client_order_id: str) -> int | None:
    """Return the number behind the prefix, or None when the order is somebody else's."""
    number = client_order_id.removeprefix(prefix)
    if number == client_order_id or not number or number.strip(_DIGITS):
        return None
    return int(number, 36)


class OrderIds:
    """Makes client order ids that never repeat, over restarts too.

    An id's number starts with the millisecond of the gateway's start. `last_known` is the highest number found in the
    journal, the ledger or at the exchange: it keeps the promise when the clock was set back between two starts.
    """

    def __init__(self, prefix: str, started_time_ms: int, last_known: int = -1) -> None:
        if not _PREFIX_PATTERN.fullmatch(prefix):
            message = f"{prefix!r} is no order prefix: take it from order_prefix(uid) or MANUAL_PREFIX"
            raise ValueError(message)
        self.prefix = prefix
        self._next = max(started_time_ms * _ORDERS_PER_MILLISECOND, last_known + 1)

    def next(self) -> str:
        """Return a fresh id."""
        number, self._next = self._next, self._next + 1
        return self.prefix + _base36(number)


def _base36(number: int) -> str:
    digits = []
    while number:
        number, rest = divmod(number, 36)
        digits.append(_DIGITS[rest])
    return "".join(reversed(digits)) or "0"
