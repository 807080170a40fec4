"""kill -9 of each part while an algorithm trades: it comes back by itself, no order is doubled or lost (promise 3)."""

import time
from collections import Counter
from typing import Any

import pytest

from tests.support.containers import (
    ALGORITHM,
    GATEWAY,
    OPERATOR,
    PANEL,
    POSTGRESQL,
    ContainerProcess,
    pod_processes,
)
from tests.support.kubectl import Kubectl, condition
from tests.support.ledger import read_rows
from tests.support.tenants import PLATFORM, TestTenant
from tests.support.waiting import wait_until

BUSY = '''
"""Places and cancels, buys and sells, several times a second."""

from decimal import Decimal

from stockade_sdk import Strategy


class Busy(Strategy):
    def on_start(self):
        self.subscribe_quotes("BTCUSDT")
        self.quote = None
        self.turn = 0
        self.set_timer("turn", 0.4)

    def on_quote_tick(self, tick):
        self.quote = tick

    def on_timer(self, name):
        if self.quote is None or not self.connected:
            return
        self.turn += 1
        quantity = Decimal("0.001")
        if self.turn % 3 == 0:
            price = self.instrument("BTCUSDT").round_price(self.quote.bid_price * Decimal("0.98"))
            self.cancel_all_orders("BTCUSDT")
            self.buy("BTCUSDT", quantity, price)
        elif self.turn % 3 == 1:
            self.buy("BTCUSDT", quantity)
        else:
            self.sell("BTCUSDT", quantity)
'''
ENDED = {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"}


@pytest.fixture(scope="module")
def busy(tenant: TestTenant) -> TestTenant:
    tenant.apply_algorithm("busy", BUSY)
    tenant.wait_ready("algorithm", "busy")
    wait_until(lambda: orders(tenant), "the first orders", holds=lambda seen: len(seen) >= 6)
    return tenant


def orders(tenant: TestTenant) -> list[dict[str, Any]]:
    """What the exchange's own books say of the tenant's orders."""
    found: list[dict[str, Any]] = tenant.paper.books(tenant.key["apiKey"])["orders"]
    return found


def pod_of(kubectl: Kubectl, part: str, tenant: TestTenant) -> dict[str, Any]:
    namespace, prefix = {
        "algorithm": (tenant.namespace, "algo-busy"),
        "gateway": (tenant.namespace, "algo-busy"),
        "account gateway": (tenant.namespace, "account-paper"),
        "operator": (PLATFORM, "stockade-operator"),
        "panel": (PLATFORM, "stockade-panel"),
        "PostgreSQL": (PLATFORM, "stockade-postgresql"),
    }[part]
    pods = [pod for pod in kubectl.items("pods", namespace) if pod["metadata"]["name"].startswith(prefix)]
    return next(pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))


def restarts(pod: dict[str, Any]) -> int:
    every = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
    return sum(int(each["restartCount"]) for each in every)


def main_process(pod: dict[str, Any], part: str) -> ContainerProcess:
    uid = {"algorithm": ALGORITHM, "gateway": GATEWAY, "account gateway": GATEWAY, "operator": OPERATOR, "panel": PANEL}
    processes = pod_processes(pod["metadata"]["uid"], uid.get(part, POSTGRESQL))
    return next(process for process in processes if process.is_main)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", ["algorithm", "gateway", "account gateway", "operator", "panel", "PostgreSQL"])
def test_it_comes_back_and_no_order_is_doubled_or_lost(busy: TestTenant, kubectl: Kubectl, part: str) -> None:
    pod = pod_of(kubectl, part, busy)
    main_process(pod, part).kill()
    wait_until(
        lambda: restarts(pod_of(kubectl, part, busy)),
        f"the {part} to be started again",
        holds=lambda seen: seen > restarts(pod),
    )
    busy.wait_ready("algorithm", "busy", deadline_seconds=180)
    seen = {each["clientOrderId"] for each in orders(busy)}
    wait_until(
        lambda: orders(busy),
        "new orders afterwards",
        holds=lambda now: len({each["clientOrderId"] for each in now} - seen) >= 4,
    )

    busy.kubectl.patch("algorithm", "busy", busy.namespace, {"spec": {"trading": "Halted"}})
    try:
        compare_books(busy, kubectl)
    finally:
        busy.kubectl.patch("algorithm", "busy", busy.namespace, {"spec": {"trading": "Active"}})


@pytest.mark.timeout(500)
def test_postgresql_silent_for_a_minute_stops_no_trade_and_loses_no_row(busy: TestTenant, kubectl: Kubectl) -> None:
    pod = pod_of(kubectl, "PostgreSQL", busy)
    frozen = pod_processes(pod["metadata"]["uid"])
    before = len(orders(busy))
    for process in frozen:
        process.freeze()
    try:
        wait_until(
            lambda: busy.gateway_status("busy")["ledger"],
            "rows that wait in the gateway",
            holds=lambda ledger: ledger["spooled"] > 20,
        )
        time.sleep(60)
        assert len(orders(busy)) > before + 20, "trading went on"
    finally:
        for process in frozen:
            process.thaw()
    busy.kubectl.patch("algorithm", "busy", busy.namespace, {"spec": {"trading": "Halted"}})
    try:
        compare_books(busy, kubectl)
    finally:
        busy.kubectl.patch("algorithm", "busy", busy.namespace, {"spec": {"trading": "Active"}})


def compare_books(tenant: TestTenant, kubectl: Kubectl) -> None:
    """The ledger has each order of the exchange once, with the same end and quantity; and no other."""

    def difference() -> dict[str, Any]:
        books = {each["clientOrderId"]: (each["status"], float(each["executedQty"])) for each in orders(tenant)}
        rows = read_rows(
            kubectl,
            "SELECT client_order_id, state, filled_quantity FROM ledger.order_history "
            f"WHERE tenant = '{tenant.name}' AND state NOT IN ('DENIED', 'INITIALIZED', 'SUBMITTED')",
        )
        ledger = {row["client_order_id"]: (row["state"], float(row["filled_quantity"] or 0)) for row in rows}
        missing = {
            key: value
            for key, value in books.items()
            if value[0] in ENDED and ledger.get(key, ("", -1.0))[1] != value[1]
        }
        return {"missing or different": missing, "made up": sorted(set(ledger) - set(books))}

    wait_until(
        difference, "ledger and exchange to agree", holds=lambda seen: not any(seen.values()), deadline_seconds=90
    )
    twice = [key for key, count in Counter(each["clientOrderId"] for each in orders(tenant)).items() if count > 1]
    assert twice == [], "an order was sent twice"
    assert condition(tenant.kubectl.get("algorithm", "busy", tenant.namespace), "Reconciled").get("status") == "True"
