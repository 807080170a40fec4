"""Nine attacks on shared resources, ten seconds each, while a second algorithm of the same tenant goes on trading.

What it costs the neighbour is printed and not asserted: this machine may be anybody's. That every order either was told
to have failed or is filled at the exchange, that the attacked pod's own gateway lives and answers, and that what was
flooded stays small and costs nobody the pod, is.
"""

import pytest

from tests.cluster.resource_attacks.stage import QUIET, run_schedule, write_table
from tests.support.tenants import TestTenant

MOST_LOG = 4 << 20
"""Far more than the launcher passes on in ten seconds, far less than the flood."""


@pytest.mark.timeout(540)
def test_a_neighbour_keeps_trading_and_the_attacked_gateway_lives(tenant: TestTenant) -> None:
    run = run_schedule(tenant)
    print("\n" + write_table(run))

    assert run.lost == set()
    assert len(run.sent) >= 60
    assert run.list_restarts("gateway") == []
    assert [each for each in run.restarts if each.pod == "algo-trader"] == []
    assert not run.is_evicted
    assert "bytes of log dropped" in run.flooded_log
    assert len(run.flooded_log) < MOST_LOG
    assert run.outcomes[0].attack == QUIET
    assert len(run.outcomes) == 10
    for each in run.outcomes:
        assert each.ticks > 0, f"no market data during {each.attack}"
        assert each.orders_sent > 0, f"no orders during {each.attack}"
        assert each.answers > 0, f"the attacked gateway was silent during {each.attack}"
        assert each.missed_ticks == 0, f"the ring lapped the neighbour during {each.attack}"
