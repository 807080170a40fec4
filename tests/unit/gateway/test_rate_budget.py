"""The rate budget: who still gets through as the exchange's limits fill up."""

import pytest

from stockade_gateway.rate_budget import Purpose, RateBudget

NOW = 1_760_000_010.0


def test_everything_passes_at_first() -> None:
    assert [RateBudget().seconds_until_free(purpose, NOW) for purpose in Purpose] == [0.0] * 4


@pytest.mark.parametrize(
    ("used", "free"),
    [
        (4199, ["UPKEEP", "ORDER", "RECONCILE", "CANCEL"]),
        (4200, ["ORDER", "RECONCILE", "CANCEL"]),
        (5099, ["ORDER", "RECONCILE", "CANCEL"]),
        (5100, ["RECONCILE", "CANCEL"]),
        (5699, ["RECONCILE", "CANCEL"]),
        (5700, ["CANCEL"]),
        (5879, ["CANCEL"]),
        (5880, []),
    ],
)
def test_upkeep_gives_way_first_then_orders_then_reconciliation_and_cancels_last(used: int, free: list[str]) -> None:
    budget = RateBudget()
    budget.note_weight(used, NOW)
    assert [purpose.name for purpose in Purpose if budget.seconds_until_free(purpose, NOW) == 0] == free


def test_a_full_window_is_free_again_at_its_end() -> None:
    budget = RateBudget()
    budget.note_weight(6000, NOW)
    wait = budget.seconds_until_free(Purpose.UPKEEP, NOW)
    assert wait == 60 - NOW % 60
    assert budget.seconds_until_free(Purpose.UPKEEP, NOW + wait) == 0


def test_a_ban_stops_even_cancels_until_it_is_over() -> None:
    budget = RateBudget()
    budget.block(120, NOW)
    assert budget.seconds_until_free(Purpose.CANCEL, NOW + 20) == 100
    assert budget.seconds_until_free(Purpose.CANCEL, NOW + 120) == 0


def test_the_count_of_orders_holds_back_orders_only() -> None:
    budget = RateBudget()
    limits = [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 45},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 70},
    ]
    budget.set_limits(limits, NOW)
    assert budget.weight_used == 70
    assert budget.seconds_until_free(Purpose.ORDER, NOW) == 10 - NOW % 10
    others = (Purpose.UPKEEP, Purpose.RECONCILE, Purpose.CANCEL)
    assert [budget.seconds_until_free(purpose, NOW) for purpose in others] == [0, 0, 0]
    assert budget.seconds_until_free(Purpose.ORDER, NOW + 10) == 0
