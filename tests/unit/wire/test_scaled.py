"""Fixed-point numbers: exact both ways."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_wire.errors import ScaledNumberError
from stockade_wire.scaled import scale_number, unscale_number


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("0", 0),
        ("27000.01", 2_700_001_000_000),
        ("27000.01000000", 2_700_001_000_000),
        ("0.00000001", 1),
        ("0.0000000100", 1),
        ("-0.5", -50_000_000),
        ("5.", 500_000_000),
    ],
)
def test_texts_are_scaled(text: str, scaled: int) -> None:
    assert scale_number(text) == scaled


@pytest.mark.parametrize(
    "text", ["", ".", "-", ".5", "1e3", "NaN", "1.2.3", "1_000", " 1", "\u0661", "--1", "0.000000001"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ScaledNumberError):
        scale_number(text)


def test_numbers_beyond_64_bits_are_refused() -> None:
    assert scale_number("92233720368.54775807") == 2**63 - 1
    with pytest.raises(ScaledNumberError, match="64 bits"):
        scale_number("92233720368.54775808")


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_scaling_undoes_unscaling(scaled: int) -> None:
    assert scale_number(format(unscale_number(scaled), "f")) == scaled


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_unscaling_undoes_scaling(number: Decimal) -> None:
    assert unscale_number(scale_number(format(number, "f"))) == number
