"""Weights and order counts: calendar windows, 429, then 418."""

import pytest

from stockade_paper.errors import BinanceError
from stockade_paper.limits import WARNINGS_BEFORE_BAN, Limits, LimitSettings

MINUTE_MS = 60_000


def test_weight_windows_follow_the_calendar_minute() -> None:
    now = [MINUTE_MS * 100 + 59_000]
    limits = Limits(LimitSettings(weight_per_minute=10), lambda: now[0])
    limits.charge("a", 10)
    with pytest.raises(BinanceError) as caught:
        limits.charge("a", 1)
    assert (caught.value.status, caught.value.code, caught.value.retry_after_seconds) == (429, -1003, 1)
    assert caught.value.message.startswith(
        "Too much request weight used; current limit is 10 request weight per 1 MINUTE."
    )
    limits.charge("b", 1)
    now[0] += 1000
    limits.charge("a", 1)
    assert limits.weight("a") == 1


def test_a_shorter_window_says_how_long_it_is() -> None:
    now = [MINUTE_MS * 100 + 3000]
    limits = Limits(LimitSettings(weight_per_minute=10, weight_window_seconds=5), lambda: now[0])
    limits.charge("a", 10)
    with pytest.raises(BinanceError, match="current limit is 10 request weight per 5 SECOND") as caught:
        limits.charge("a", 1)
    assert caught.value.retry_after_seconds == 2
    now[0] += 2000
    limits.charge("a", 10)
    row = limits.describe_weight("a")
    assert (row["interval"], row["intervalNum"], row["count"]) == ("SECOND", 5, 10)


def test_who_goes_on_is_banned() -> None:
    now = [MINUTE_MS * 100]
    limits = Limits(LimitSettings(weight_per_minute=1), lambda: now[0])
    limits.charge("a", 1)
    for _ in range(WARNINGS_BEFORE_BAN):
        with pytest.raises(BinanceError, match="Too much request weight"):
            limits.charge("a", 1)
    with pytest.raises(BinanceError, match=f"IP banned until {now[0] + 120_000}") as caught:
        limits.charge("a", 1)
    assert caught.value.status == 418
    now[0] += MINUTE_MS
    with pytest.raises(BinanceError, match="IP banned until"):
        limits.charge("a", 1)
    now[0] += MINUTE_MS
    limits.charge("a", 1)


def test_orders_are_counted_and_fills_give_back() -> None:
    limits = Limits(LimitSettings(orders_per_ten_seconds=3), lambda: 10_000_000)
    for _ in range(3):
        limits.check_orders(1, 1)
        limits.count_orders(1, 1)
    with pytest.raises(BinanceError) as caught:
        limits.check_orders(1, 1)
    assert (caught.value.status, caught.value.code) == (429, -1015)
    assert caught.value.message == "Too many new orders; current limit is 3 orders per 10 SECOND."
    limits.check_orders(2, 1)
    limits.credit_fill(1, is_maker=False)
    assert limits.order_counts(1) == (2, 2)
    limits.credit_fill(1, is_maker=True)
    assert limits.order_counts(1) == (0, 0)
