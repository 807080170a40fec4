"""The rate budget: who still gets through as the exchange's limits fill up."""

from stockade_gateway.rate_budget import Purpose, RateBudget

NOW = 1_760_000_010.0


def test_everything_passes_at_first() -> None:
    assert [RateBudget().seconds_until_free(purpose, NOW) for purpose in Purpose] == [0.0, 0.0, 0.0]


def test_upkeep_gives_way_before_orders_and_orders_before_cancels() -> None:
    budget = RateBudget()
    free = []
    for used in (4000, 4300, 5200, 5900):
        budget.note_weight(used, NOW)
        free.append([purpose.name for purpose in Purpose if budget.seconds_until_free(purpose, NOW) == 0])
    assert free == [["UPKEEP", "ORDER", "CANCEL"], ["ORDER", "CANCEL"], ["CANCEL"], []]


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
    assert budget.seconds_until_free(Purpose.CANCEL, NOW) == 0
    assert budget.seconds_until_free(Purpose.ORDER, NOW + 10) == 0
