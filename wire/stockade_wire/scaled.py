"""Fixed-point numbers of the ring: prices and quantities as 64-bit integers, scaled by 10^8.

Apart from the ring because the gateway scales while it decodes, before it knows whether there is anything to publish.
"""

from decimal import Decimal

from stockade_wire.errors import ScaledNumberError

DECIMALS = 8
"""Binance Spot quotes prices and quantities with at most 8 decimals."""

_LIMIT = 2**63
_ZEROS = "0" * DECIMALS


def scale_number(text: str) -> int:
    """Return a plain decimal text such as `27000.01` times 10^8; exact, without a Decimal in between.

    Raises ScaledNumberError for exponents, more than 8 decimals, and anything that does not fit into 64 bits.
    """
    whole, _, decimals = text.partition(".")
    if len(decimals) > DECIMALS:
        if decimals[DECIMALS:].strip("0"):
            raise ScaledNumberError(f"{text!r} has more than {DECIMALS} decimals")
        decimals = decimals[:DECIMALS]
    digits = whole + decimals + _ZEROS[len(decimals) :]
    if not (digits.isascii() and digits.removeprefix("-").isdigit() and whole not in ("", "-")):
        raise ScaledNumberError(f"{text!r} is no plain decimal number")
    scaled = int(digits)
    if not -_LIMIT <= scaled < _LIMIT:
        raise ScaledNumberError(f"{text!r} does not fit into 64 bits when scaled by 10^{DECIMALS}")
    return scaled


def unscale_number(scaled: int) -> Decimal:
    """Return the number behind a scaled integer, without trailing zeros beyond those that carry digits."""
    return Decimal(scaled).scaleb(-DECIMALS)
