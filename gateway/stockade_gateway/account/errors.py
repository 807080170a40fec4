"""What a caller is told when a request is not done; apart from the gateway's own errors because it speaks HTTP.

RequestError
├── UnknownSessionError   401: no token, or one that is wrong, expired, revoked or of another tenant
└── (every other status)  made by `translate` from what the exchange said, or raised where a request is refused
ShareError (the gateway's)
└── StaleReportError      a sidecar's report that a newer one has overtaken
LedgerError (the gateway's)
└── OtherGranterError     another account gateway shares out the limits
"""

import math

from stockade_gateway.errors import ExchangeError, LedgerError, RateLimitedError, ShareError, StatusUnknownError

_UNKNOWN_ORDER_CODES = (-2011, -2013)
_KEY_CODES = (-2008, -2014, -2015, -1022)


class RequestError(Exception):
    """An answer with an error in it: HTTP status, a code for programs, a message for people."""

    def __init__(self, status: int, code: str, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class StaleReportError(ShareError):
    """A report on the use of the limits that another one has overtaken, or a copy of one."""


class OtherGranterError(LedgerError):
    """Another account gateway holds the right to share out the account's limits."""


class UnknownSessionError(RequestError):
    """The one answer to every token that does not open this account."""

    def __init__(self) -> None:
        super().__init__(401, "UNAUTHORIZED", "Send the header X-Stockade-Session with a valid session token.")


def translate(error: ExchangeError) -> RequestError:
    """Say what the exchange's answer means to whoever asked us."""
    if isinstance(error, RateLimitedError):
        message = f"The exchange's rate limit is used up; try again in {math.ceil(error.retry_after_seconds)} s."
        return RequestError(503, "RATE_LIMITED", message, error.retry_after_seconds)
    if isinstance(error, StatusUnknownError):
        return RequestError(502, "EXCHANGE_UNREACHABLE", error.message)
    if error.status == 0:
        return RequestError(502, "EXCHANGE_UNREACHABLE", error.message)
    if error.code in _UNKNOWN_ORDER_CODES:
        return RequestError(404, "UNKNOWN_ORDER", error.message)
    if error.code in _KEY_CODES or error.status in (401, 403):
        return RequestError(502, "KEY_REFUSED", f"The exchange refused the account's key: {error.message}")
    return RequestError(400, "EXCHANGE_REJECTED", f"{error.message} ({error.code})")
