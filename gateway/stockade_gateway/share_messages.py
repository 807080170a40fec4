"""What sidecar and account gateway say to each other about the account's limits, and how each knows the other.

Both hold the exchange's key, so both can prove it: a message carries a MAC made with a key derived from that secret,
which itself never leaves either of them.
"""

import hmac
from decimal import Decimal

import msgspec

from stockade_gateway.errors import ShareError

PATH = "/internal/v1/share"
MAC_HEADER = "x-stockade-mac"
LEASE_SECONDS = 5.0
# Anything older is somebody else's copy.
LATEST_SECONDS = 30.0
MOST_BYTES = 16 * 1024


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one algorithm uses of the account; money in the limits' quote asset, None is unknown."""

    uid: str
    algorithm: str
    # One process of a sidecar; its successor has another.
    instance: str
    sent_ns: int
    # The lease in force when this was sent, 0 for none.
    epoch: str
    obeys: int
    # Positions and what open orders can add, and the most that would have been needed lately.
    exposure: Decimal | None
    wanted_exposure: Decimal
    # Realised and unrealised less fees of this UTC day.
    day_result: Decimal | None
    day: str
    # Orders that count against the exchange's limit in the last ten seconds, and with those denied for the lease.
    orders: int
    wanted_orders: int
    leaving: bool = False


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """What the algorithm may use for `valid_seconds` from when it asked; None does not limit.

    `max_exposure` and `max_daily_loss` are the limits it was made under; `reason` is why it holds no more than it does.
    """

    epoch: str
    number: int
    valid_seconds: float
    exposure: Decimal | None
    loss: Decimal | None
    orders: int
    max_exposure: Decimal | None
    max_daily_loss: Decimal | None
    reason: str | None = None


def make_mac(key: bytes, *parts: bytes) -> str:
    """Return the MAC of the parts, each told apart from its neighbours."""
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(key, text, "sha256").hex()


def check_mac(key: bytes, mac: str, *parts: bytes) -> None:
    """Raise ShareError unless the MAC is that of the parts; takes the same time for every wrong one."""
    if not hmac.compare_digest(make_mac(key, *parts).encode(), mac.encode()):
        raise ShareError("the message was not made with this account's key")
