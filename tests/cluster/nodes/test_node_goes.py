"""The node is drained, or falls silent, while an algorithm trades: one pod at a time, nothing lost (3 and 5)."""

import secrets
from decimal import Decimal
from typing import Any

import pytest

from tests.support.kubectl import Kubectl, condition
from tests.support.ledger import read_rows
from tests.support.node import PodWatch, drain, find_lives, runs, silent_kubelet, uncordoned_afterwards
from tests.support.tenants import PLATFORM, TestTenant
from tests.support.waiting import wait_until

KEEPER = '''
"""Buys once in its life and leaves an order in the book; every start says what it found."""

from decimal import Decimal

from stockade_sdk import Strategy


class Keeper(Strategy):
    starts = 0

    def on_load(self, state):
        self.starts = state["starts"]

    def on_save(self):
        return {"starts": self.starts}

    def on_start(self):
        self.starts += 1
        self.bought = self.starts > 1
        print(f"FOUND {self.starts} {self.position('BTCUSDT').quantity} {len(self.open_orders())}", flush=True)
        self.subscribe_quotes("BTCUSDT")

    def on_quote_tick(self, tick):
        if self.bought:
            return
        self.bought = True
        self.buy("BTCUSDT", Decimal("0.002"))
        self.buy("BTCUSDT", Decimal("0.001"), self.instrument("BTCUSDT").round_price(tick.bid_price * Decimal("0.97")))
'''


def begin(tenant: TestTenant, action: str) -> tuple[str, str, Decimal]:
    """Start a keeper that holds and has an order open; returns its name, its orders' prefix, and its position."""
    name = f"keeper-{secrets.token_hex(2)}"
    before = {each["clientOrderId"] for each in tenant.paper.books(tenant.key["apiKey"])["orders"]}
    tenant.apply_algorithm(name, KEEPER, onStop=action)
    tenant.wait_ready("algorithm", name)
    mine = wait_until(
        lambda: [
            each for each in tenant.paper.books(tenant.key["apiKey"])["orders"] if each["clientOrderId"] not in before
        ],
        "one order filled and one open",
        holds=lambda seen: sorted(each["status"] for each in seen) == ["FILLED", "NEW"],
    )
    status = wait_until(
        lambda: tenant.gateway_status(name), "its gateway to know both", holds=lambda seen: seen["openOrders"] == 1
    )
    return name, mine[0]["clientOrderId"].split("-")[0], Decimal(status["positions"]["BTCUSDT"])


def check_orders(tenant: TestTenant, kubectl: Kubectl, prefix: str) -> None:
    """The purchase and the cancelled order, nothing else, and the ledger has each as the exchange does."""

    def compare() -> tuple[Any, Any]:
        books = tenant.paper.books(tenant.key["apiKey"])["orders"]
        exchange = [
            (each["clientOrderId"], each["status"], Decimal(each["executedQty"]))
            for each in books
            if each["clientOrderId"].startswith(f"{prefix}-")
        ]
        query = "SELECT client_order_id, state, filled_quantity FROM ledger.order_history"
        rows = read_rows(kubectl, f"{query} WHERE tenant = '{tenant.name}' AND client_order_id LIKE '{prefix}-%'")
        ledger = [(row["client_order_id"], row["state"], Decimal(row["filled_quantity"] or 0)) for row in rows]
        return sorted(exchange), sorted(ledger)

    exchange, _ = wait_until(compare, "the ledger to be as the exchange", holds=lambda both: both[0] == both[1])
    assert sorted(status for _, status, _ in exchange) == ["CANCELED", "FILLED"]


def goes_on(tenant: TestTenant, name: str, held: Decimal) -> None:
    """It has started once more, with its state and its position, and without the order that was cancelled."""
    tenant.wait_ready("algorithm", name, deadline_seconds=180)
    pod = tenant.kubectl.get("pod", f"algo-{name}", tenant.namespace)
    assert pod is not None
    assert [each["restartCount"] for each in pod["status"]["containerStatuses"]] == [0]
    found = wait_until(
        lambda: [
            line.split()
            for line in tenant.kubectl.logs(f"algo-{name}", tenant.namespace, "algorithm").splitlines()
            if "FOUND" in line
        ],
        "what it found",
    )
    ((*_, starts, position, orders),) = found
    assert (starts, Decimal(position), orders) == ("2", held, "0")


@pytest.mark.timeout(500)
def test_a_drained_algorithm_leaves_as_asked_and_goes_on_when_there_is_a_node(
    tenant: TestTenant, kubectl: Kubectl
) -> None:
    """`kubectl drain` without force: no pod of a tenant's refuses to go, and none is waited for in vain."""
    name, prefix, held = begin(tenant, "CancelOrders")
    watch = PodWatch(kubectl, tenant.namespace, f"stockade.dev/algorithm={name}")
    try:
        with uncordoned_afterwards(kubectl):
            drained = drain(kubectl, f"stockade.dev/tenant={tenant.name}", timeout_seconds=140)
            assert drained.returncode == 0, drained.stdout + drained.stderr
            assert "evicting pod" in drained.stderr + drained.stdout
            wait_until(
                lambda: tenant.kubectl.get("algorithm", name, tenant.namespace) or {},
                "the outcome of onStop",
                holds=lambda seen: seen["status"].get("onStop", {}).get("result") == "Done",
            )
            check_orders(tenant, kubectl, prefix)
            algorithm = tenant.kubectl.get("algorithm", name, tenant.namespace)
            assert condition(algorithm, "Ready")["status"] == "False"
        goes_on(tenant, name, held)
    finally:
        seen = watch.stop()
    assert len(find_lives(seen)) == 2
    tenant.kubectl.delete("algorithm", name, tenant.namespace)


@pytest.mark.timeout(600)
def test_a_pod_on_a_silent_node_is_not_doubled_and_its_algorithm_says_so(tenant: TestTenant, kubectl: Kubectl) -> None:
    """The kubelet stands still and the containers trade on, as on a node that has lost its way to the API server."""
    name, prefix, held = begin(tenant, "CancelOrders")
    pod = kubectl.get("pod", f"algo-{name}", tenant.namespace)
    assert pod is not None
    watch = PodWatch(kubectl, tenant.namespace, f"stockade.dev/algorithm={name}")
    try:
        with silent_kubelet(kubectl):
            found = wait_until(
                lambda: tenant.kubectl.get("algorithm", name, tenant.namespace),
                "it to say that its node is silent",
                holds=lambda seen: condition(seen, "Stalled").get("reason") == "NodeNotAnswering",
                deadline_seconds=150,
            )
            assert condition(found, "Ready")["reason"] == "NodeNotAnswering"
            message = condition(found, "Stalled")["message"]
            for part in ("may still trade", "no change reaches it", "bring the node back", "delete its Node object"):
                assert part in message
            # What the eviction would do five minutes later, and with it everybody who would have another pod.
            kubectl.delete("pod", f"algo-{name}", tenant.namespace, wait=False)
            tenant.kubectl.patch("algorithm", name, tenant.namespace, {"spec": {"resources": {"cpu": "400m"}}})
            found = wait_until(
                lambda: tenant.kubectl.get("algorithm", name, tenant.namespace) or {},
                "it to say that its pod is stopping",
                holds=lambda seen: (
                    condition(seen, "Ready").get("reason") == "Stopping"
                    and seen["status"]["observedGeneration"] == seen["metadata"]["generation"]
                ),
            )
            assert condition(found, "Stalled")["reason"] == "NodeNotAnswering"
            still = kubectl.get("pod", f"algo-{name}", tenant.namespace)
            assert still is not None
            assert still["metadata"]["uid"] == pod["metadata"]["uid"]
            assert runs(still) == ["gateway", "algorithm"]
            assert tenant.gateway_status(name)["openOrders"] == 1, "it trades on, and nobody else does"
        wait_until(
            lambda: (kubectl.get("pod", f"algo-{name}", tenant.namespace) or {}).get("metadata", {}).get("uid"),
            "another pod",
            holds=lambda seen: seen not in {None, pod["metadata"]["uid"]},
            deadline_seconds=150,
        )
        goes_on(tenant, name, held)
    finally:
        seen = watch.stop()
    assert len(find_lives(seen)) == 2
    outcome = (tenant.kubectl.get("algorithm", name, tenant.namespace) or {})["status"]["onStop"]
    assert (outcome["action"], outcome["result"]) == ("CancelOrders", "Done"), outcome
    check_orders(tenant, kubectl, prefix)
    tenant.kubectl.delete("algorithm", name, tenant.namespace)
    wait_until(
        lambda: [
            each["metadata"]["name"]
            for each in kubectl.items("pods", PLATFORM)
            if each["status"]["phase"] == "Running" and condition(each, "Ready").get("status") != "True"
        ],
        "the platform to be as before",
        holds=lambda unready: unready == [],
        deadline_seconds=120,
    )
