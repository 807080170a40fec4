"""The limits and the kill switch reach a running gateway without restarting anything (promise 4)."""

import re
import statistics
import time

import pytest

from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

PINGER = '''
"""Asks for one order too many every 20 ms and prints what it is told."""

import time
from decimal import Decimal

from stockade_sdk import Order, Strategy


class Pinger(Strategy):
    def on_start(self):
        self.subscribe_quotes("BTCUSDT")
        self.told = None
        self.set_timer("ask", 0.02)

    def on_timer(self, name):
        order = self.submit_order("BTCUSDT", "BUY", Decimal("0.01"), type="MARKET")
        code = (order.reason or order.state).split(":")[0].split()[0]
        if code != self.told:
            self.told = code
            print(f"TOLD {code} {time.time_ns()}", flush=True)
'''
TOO_MUCH = "NOTIONAL_EXCEEDS_MAX_PER_ORDER"
HALTED = "TRADING_HALTED"


def told(tenant: TestTenant, code: str, after_ns: int) -> int | None:
    """When the algorithm was first told a code after a moment, in nanoseconds; None if it was not yet."""
    log = tenant.kubectl.logs("algo-pinger", tenant.namespace, "algorithm")
    times = [int(at) for at in re.findall(rf"TOLD {code} (\d+)", log)]
    return next((at for at in times if at >= after_ns), None)


@pytest.fixture(scope="module")
def pinger(tenant: TestTenant) -> TestTenant:
    limits = {"maxOrderNotional": "50", "quoteAsset": "USDT"}
    tenant.apply_algorithm("pinger", PINGER, limits=limits)
    tenant.wait_ready("algorithm", "pinger")
    wait_until(lambda: told(tenant, TOO_MUCH, 0), "the first denial", holds=lambda at: at is not None)
    return tenant


def test_halted_reaches_the_gateway_within_a_second_and_no_pod_restarts(pinger: TestTenant) -> None:
    before = pinger.kubectl.get("pod", "algo-pinger", pinger.namespace)
    clicks, waits = [], []
    for _ in range(5):
        for trading, code in (("Halted", HALTED), ("Active", TOO_MUCH)):
            asked_ns = time.time_ns()
            pinger.kubectl.patch("algorithm", "pinger", pinger.namespace, {"spec": {"trading": trading}})
            accepted_ns = time.time_ns()
            at = wait_until(lambda: told(pinger, code, asked_ns), code, holds=lambda seen: seen is not None)  # noqa: B023 - asked at once
            assert at is not None
            clicks.append((at - asked_ns) / 1e9)
            waits.append((at - accepted_ns) / 1e9)
    after = pinger.kubectl.get("pod", "algo-pinger", pinger.namespace)
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert not any(each["restartCount"] for each in after["status"]["containerStatuses"])
    print(f"from the API server's answer: {sorted(round(each, 2) for each in waits)} s")
    print(f"with kubectl's own start: {sorted(round(each, 2) for each in clicks)} s")
    assert statistics.median(waits) < 1.0


def test_a_limit_is_changed_live(pinger: TestTenant) -> None:
    asked_ns = time.time_ns()
    change = {"spec": {"limits": {"maxOrderNotional": "1000000", "maxOrdersPerMinute": 1}}}
    pinger.kubectl.patch("algorithm", "pinger", pinger.namespace, change)
    wait_until(lambda: told(pinger, "RATE_LIMIT_EXCEEDED", asked_ns), "the new limit", holds=lambda at: at is not None)


def test_what_the_status_says_is_what_was_asked_for(pinger: TestTenant) -> None:
    pinger.kubectl.patch("algorithm", "pinger", pinger.namespace, {"spec": {"trading": "Halted"}})
    found = wait_until(
        lambda: pinger.kubectl.get("algorithm", "pinger", pinger.namespace) or {},
        "the applied generation in the status",
        holds=lambda seen: seen["status"].get("appliedControlGeneration") == seen["metadata"]["generation"],
    )
    assert found["status"]["trading"] == "Halted"
