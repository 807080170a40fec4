"""The names of an account's keys."""

import pytest

from stockade_crds import list_key_slots, name_next_keys


@pytest.mark.parametrize(
    ("current", "following"),
    [
        (None, "main-keys-1"),
        ("main-keys-1", "main-keys-2"),
        ("main-keys-99", "main-keys-100"),
        ("main-keys-ab12cd34", "main-keys-1"),
        ("main-keys-", "main-keys-1"),
        ("other-keys-3", "main-keys-1"),
    ],
)
def test_the_next_keys_have_the_next_number(current: str | None, following: str) -> None:
    assert name_next_keys("main", current) == following


def test_a_pod_can_use_its_own_keys_and_the_next_four() -> None:
    assert list_key_slots("main", "main-keys-2") == [f"main-keys-{number}" for number in range(2, 7)]
    assert list_key_slots("main", "by-hand") == ["by-hand", *(f"main-keys-{number}" for number in range(1, 5))]
