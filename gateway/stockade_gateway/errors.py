"""Every error the gateway raises, in one tree, so that a caller can see what may come out of a call.

GatewayError
├── SettingsError            an environment variable is missing or malformed
├── KeysError                the key Secret is missing, incomplete or not a usable key
├── ControlError             the control file can't be read or doesn't say what it must
├── JournalError             the journal can't be read or written
├── LedgerError              the ledger can't be reached or refuses what it was asked
├── ShareError               a message about the account's limits is not from who it says, or can't be read
├── ClientError              the algorithm's end of the socket broke the protocol
└── ExchangeError            the exchange answered with an error
    ├── RateLimitedError     … because of a rate limit (429, 418): nothing may be sent until a given time
    └── StatusUnknownError   … or not at all: what was asked may or may not have happened
"""

from collections.abc import Mapping
from typing import Any


class GatewayError(Exception):
    """Base of everything the gateway raises on purpose."""


class SettingsError(GatewayError):
    """An environment variable is missing or malformed; the message names it and says what to write."""


class KeysError(GatewayError):
    """The key Secret is missing, incomplete or unusable; the message never holds any of its content."""


class ControlError(GatewayError):
    """The control file can't be read or is invalid: trading fails closed."""


class JournalError(GatewayError):
    """The journal can't be read or written: no new order may be sent."""


class LedgerError(GatewayError):
    """The ledger can't be reached or refused a statement."""


class ShareError(GatewayError):
    """A message between sidecar and account gateway can't be trusted or read."""


class ClientError(GatewayError):
    """The algorithm's end of the order socket broke the protocol."""


class ExchangeError(GatewayError):
    """The exchange refused a request; `code` is Binance's, `status` the HTTP-like one, `data` what it says besides."""

    def __init__(self, status: int, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{message} (code {code}, status {status})")
        self.status = status
        self.code = code
        self.message = message
        self.data = data or {}


class RateLimitedError(ExchangeError):
    """The exchange's rate limit is reached; nothing may be sent for `retry_after_seconds`."""

    def __init__(self, status: int, code: int, message: str, retry_after_seconds: float) -> None:
        super().__init__(status, code, message)
        self.retry_after_seconds = retry_after_seconds


class StatusUnknownError(ExchangeError):
    """No trustworthy answer came (time-out, lost connection, 5xx): the request may have been carried out."""

    def __init__(self, message: str) -> None:
        super().__init__(0, 0, message)
