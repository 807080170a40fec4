"""What the operator orders: trading, limits, onStop and deadMan, read from the control file the kubelet keeps current.

Kept apart from the limits' rules (`limits.py`), which only ever see a valid control.
"""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from stockade_gateway.errors import ControlError

_MAX_BYTES = 64 * 1024
Count = Annotated[int, msgspec.Meta(ge=0)]


class Trading(StrEnum):
    """What orders are let through, from everything to cancels only."""

    ACTIVE = "Active"
    REDUCING = "Reducing"
    HALTED = "Halted"


class StopAction(StrEnum):
    """What the gateway does with orders and positions when the algorithm stops or dies."""

    KEEP = "Keep"
    CANCEL_ORDERS = "CancelOrders"
    FLATTEN = "Flatten"


_STRICTNESS = (Trading.ACTIVE, Trading.REDUCING, Trading.HALTED)


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """An algorithm's limits; an absent one does not limit. Money is in `quote_asset`."""

    max_order_notional: Decimal | None = None
    max_position_notional: Decimal | None = None
    max_open_orders: Count | None = None
    max_orders_per_minute: Count | None = None
    max_daily_loss: Decimal | None = None
    price_band_percent: Decimal | None = None
    quote_asset: str = "USDT"

    def __post_init__(self) -> None:
        _check_money(self)


class DeadMan(msgspec.Struct, frozen=True, rename="camel"):
    """What to do when the algorithm has been dead or silent for so long."""

    after_seconds: Annotated[float, msgspec.Meta(gt=0)]
    action: StopAction


class AccountLimits(msgspec.Struct, frozen=True, rename="camel"):
    """The account's own limits, over all its algorithms and manual orders."""

    max_exposure: Decimal | None = None
    max_daily_loss: Decimal | None = None
    quote_asset: str = "USDT"

    def __post_init__(self) -> None:
        _check_money(self)


class AccountControl(msgspec.Struct, frozen=True, rename="camel"):
    """The account-wide part of the control."""

    trading: Trading = Trading.ACTIVE
    limits: AccountLimits | None = None


class Control(msgspec.Struct, frozen=True, rename="camel"):
    """One generation of what the operator orders."""

    generation: Count
    trading: Trading
    on_stop: StopAction = StopAction.CANCEL_ORDERS
    # The operator writes null for "none at all".
    limits_or_none: Limits | None = msgspec.field(name="limits", default=None)
    dead_man: DeadMan | None = None
    account: AccountControl = AccountControl()
    # The Secret whose keys are to be used; a name, never what is in it.
    keys_secret: str | None = None

    @property
    def limits(self) -> Limits:
        """The algorithm's own limits."""
        return self.limits_or_none or Limits()

    @property
    def effective_trading(self) -> Trading:
        """The stricter of the algorithm's and the account's."""
        return max(self.trading, self.account.trading, key=_STRICTNESS.index)


def _check_money(limits: msgspec.Struct) -> None:
    # A limit of NaN would compare as never reached.
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        if isinstance(value, Decimal) and (not value.is_finite() or value < 0):
            raise ValueError(f"{name} must be a decimal number of at least 0")


_decoder = msgspec.json.Decoder(Control)


def parse_control(text: bytes) -> Control:
    """Parse the control annotation; raises ControlError saying what is wrong."""
    if len(text) > _MAX_BYTES:
        raise ControlError(f"the control is {len(text)} bytes long, more than {_MAX_BYTES}")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, ValueError) as error:
        raise ControlError(f"the control annotation is invalid: {error}") from error


class ControlFile:
    """The control file; `poll` is cheap enough to be called ten times a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self.control: Control | None = None
        self.error: str | None = "the control has not been read yet"

    def poll(self) -> bool:
        """Read the file if it changed; returns whether `control` or `error` changed.

        An unreadable or invalid control leaves `control` None: the caller treats that as Halted.
        """
        before = (self.control, self.error)
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen == self._seen:
                return False
            self.control = parse_control(self._path.read_bytes())
            self.error = None
            self._seen = seen
        except OSError as error:
            self.control = None
            self._seen = None
            self.error = f"the control file can't be read: {error.strerror}"
        except ControlError as error:
            self.control = None
            self._seen = seen
            self.error = str(error)
        return (self.control, self.error) != before
