"""Fixed seeds of the chaos run: real processes trade while they are killed, cut off and lied to; no promise breaks."""

import pytest

from tests.chaos.__main__ import describe
from tests.chaos.run import run, tell_on_terminal
from tests.support.chaos_seeds import ALGORITHMS, MINUTES, SEEDS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_promise_breaks(seed: int) -> None:
    report = run(seed, minutes=MINUTES, algorithms=ALGORITHMS, seconds_between_turns=1.0, tell=tell_on_terminal)
    assert report.violations == [], describe(report)
    # Few enough for a schedule that leaves the account without leases most of the time.
    assert report.orders > 5, describe(report)
    assert report.acts.total() > 10, describe(report)
