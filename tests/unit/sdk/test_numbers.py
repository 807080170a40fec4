"""Money an author writes: what is taken, and what is refused with a hint."""

from decimal import Decimal
from typing import Any

import pytest

from stockade_sdk import Instrument, OrderArgumentError
from stockade_sdk.numbers import format_money

INSTRUMENT = Instrument(
    "BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001"), Decimal("5.00000000")
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.1", "0.1"),
        (3, "3"),
        (Decimal("0.00100"), "0.00100"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-8"), "0.00000001"),
    ],
)
def test_numbers_travel_as_plain_text(value: Decimal | str | int, text: str) -> None:
    assert format_money("quantity", value) == text


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (0.1, r'quantity is the float 0.1: write Decimal\("0.1"\)'),
        (True, "quantity is the bool"),
        (None, "quantity is the NoneType"),
        ("much", "write a number"),
        (0, "above zero"),
        ("-1", "above zero"),
        (Decimal("NaN"), "above zero"),
        (Decimal("Infinity"), "above zero"),
        (Decimal(1) / Decimal(3), "round it with"),
        (Decimal("1E+30"), "too long"),
    ],
)
def test_what_is_no_money_is_refused_with_a_hint(value: Any, complaint: str) -> None:
    with pytest.raises(OrderArgumentError, match=complaint):
        format_money("quantity", value)


def test_prices_round_to_the_grid_and_quantities_down() -> None:
    assert INSTRUMENT.round_price(Decimal("27000.014")) == Decimal("27000.01")
    assert INSTRUMENT.round_price(Decimal("27000.016")) == Decimal("27000.02")
    assert str(INSTRUMENT.round_quantity(Decimal("0.123456789"))) == "0.12345"
    assert INSTRUMENT.round_quantity(Decimal("0.000009")) == 0


@pytest.mark.parametrize("price", ["27000", "27123.45", "0.01", "1000000"])
def test_the_smallest_quantity_meets_both_filters(price: str) -> None:
    quantity = INSTRUMENT.smallest_quantity(Decimal(price))
    assert quantity == INSTRUMENT.round_quantity(quantity)
    assert quantity >= INSTRUMENT.min_quantity
    assert quantity * Decimal(price) >= INSTRUMENT.min_notional
    smaller = quantity - INSTRUMENT.step_size
    assert smaller < INSTRUMENT.min_quantity or smaller * Decimal(price) < INSTRUMENT.min_notional
