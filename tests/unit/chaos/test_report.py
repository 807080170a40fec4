"""What `make chaos` prints at its end: a line for each seed, their sum, and every trouble by its kind."""

from collections import Counter

from tests.chaos.__main__ import describe_all
from tests.chaos.run import Report


def test_several_runs_are_added_up() -> None:
    first = Report(1, 5, 20, 3, Counter(halt=2), Counter({"order-timeout": 3}), orders=10, fills=4, cancels=2)
    second = Report(
        2,
        5,
        20,
        3,
        Counter(halt=1, reduce=1),
        Counter(),
        orders=5,
        fills=1,
        cancels=1,
        manual_orders=2,
        denied_for_loss=7,
    )
    lines = [line.split() for line in describe_all([first, second]).splitlines()]
    assert lines[0] == [
        "seed",
        "acts",
        "struck",
        "orders",
        "cancels",
        "fills",
        "manual",
        "keys",
        "denied",
        "limit",
        "loss",
        "violations",
    ]
    assert lines[1] == ["1", "2", "3", "10", "2", "4", "0", "0", "0", "0%", "0", "0"]
    assert lines[3] == ["all", "4", "3", "15", "3", "5", "2", "0", "0", "7", "0"]
    assert ["3", "halt"] in lines
    assert ["3", "order-timeout"] in lines
