"""Who is calling: key, signature and time of a signed request, in the order in which Binance complains about them."""

import re
from decimal import Decimal

from stockade_paper.accounts import Accounts, ApiKey
from stockade_paper.errors import (
    BinanceError,
    illegal_characters,
    invalid_key,
    invalid_signature,
)
from stockade_paper.parameters import INTEGER_PATTERN, Parameters

DEFAULT_WINDOW_MS = 5000
MAX_WINDOW_MS = 60_000
FUTURE_TOLERANCE_MS = 1000
FIRST_MICROSECOND_TIMESTAMP = 10**14
_API_KEY = re.compile(r"[A-Za-z0-9_\-]{1,128}")


def find_key(accounts: Accounts, api_key: str | None, unknown_code: int, address: str) -> ApiKey:
    """Return the key that a request from `address` names.

    Raises BinanceError 401 with `unknown_code` when there is none like it, -2015 when it may not come from there.
    """
    if api_key is None or not _API_KEY.fullmatch(api_key):
        raise invalid_key(-2014)
    found = accounts.keys.get(api_key)
    if found is None and accounts.open_unknown is not None and api_key not in accounts.revoked:
        return accounts.open_unknown(api_key)
    if found is None:
        raise invalid_key(-2015 if api_key in accounts.revoked else unknown_code)
    if found.permissions.addresses and address not in found.permissions.addresses:
        raise invalid_key()
    return found


def check_signature(key: ApiKey, parameters: Parameters, payload: str) -> None:
    """Verify a request's signature over `payload`; raises BinanceError -1102 without one, -1022 for a wrong one."""
    if not key.verify(payload, parameters.require("signature")):
        raise invalid_signature()


def check_time(parameters: Parameters, now_ms: int) -> None:
    """Check `timestamp` against `recvWindow` ("Timing security"); raises BinanceError -1021, -1102 or -1131."""
    text = parameters.require("timestamp")
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise illegal_characters("timestamp", INTEGER_PATTERN)
    stamp = int(text)
    if stamp >= FIRST_MICROSECOND_TIMESTAMP:
        stamp //= 1000
    window = _read_window(parameters)
    if stamp >= now_ms + FUTURE_TOLERANCE_MS:
        raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - stamp > window:
        raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _read_window(parameters: Parameters) -> Decimal:
    window = parameters.decimal("recvWindow")
    if window is None:
        return Decimal(DEFAULT_WINDOW_MS)
    if window > MAX_WINDOW_MS:
        raise BinanceError(-1131, "recvWindow must be less than 60000")
    return window
