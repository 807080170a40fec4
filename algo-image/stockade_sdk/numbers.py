"""Money an author hands to a verb, as the plain decimal text that travels.

Apart from the verbs because a test asks it many questions; floats are refused, since 0.1 + 0.2 is no price.
"""

import re
from decimal import Decimal, InvalidOperation

from stockade_sdk.errors import OrderArgumentError

Money = Decimal | str | int
"""What a verb takes for a price or quantity."""

_TRAVELS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?")


def format_money(name: str, value: Money) -> str:
    """Return a positive number as plain decimal text.

    Raises OrderArgumentError for floats, for what is no positive number and for more than 18 decimals.
    """
    if isinstance(value, bool | float) or not isinstance(value, Decimal | str | int):
        raise OrderArgumentError(f'{name} is the {type(value).__name__} {value!r}: write Decimal("0.1") or "0.1"')
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise OrderArgumentError(f'{name} is {value!r}: write a number such as "0.1"') from error
    if not number.is_finite() or number <= 0:
        raise OrderArgumentError(f"{name} is {value}: it has to be above zero")
    text = format(number, "f")
    if not _TRAVELS.fullmatch(text):
        raise OrderArgumentError(
            f"{name} is {value}, too long a number: round it with self.instrument(symbol).round_price or round_quantity"
        )
    return text


def format_optional_money(name: str, value: Money | None) -> str | None:
    """Return None for None, and else what `format_money` returns."""
    return None if value is None else format_money(name, value)
