"""How amounts are written and rounded, apart so that no float ever touches money."""

from decimal import ROUND_DOWN, Decimal
from functools import lru_cache

ZERO = Decimal(0)
ZERO_TEXT = "0.00000000"
SMALLEST = Decimal("0.00000001")


@lru_cache(maxsize=2**12)  # The same few prices and quantities are written again and again.
def format_amount(amount: Decimal) -> str:
    """Write an amount as Binance does: a string with eight decimals."""
    return f"{amount:.8f}" if amount else ZERO_TEXT


def round_down(amount: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` that is not above `amount`."""
    return (amount / step).to_integral_value(ROUND_DOWN) * step


def is_multiple(amount: Decimal, step: Decimal) -> bool:
    """Whether `amount` is a whole number of steps; a step of zero allows everything."""
    return step == 0 or amount % step == 0
