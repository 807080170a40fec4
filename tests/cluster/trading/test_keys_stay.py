"""A canary key is found nowhere but in the gateways (promise 1)."""

import secrets

import pytest

from tests.support.containers import ALGORITHM, GATEWAY, OPERATOR, PANEL, pod_processes
from tests.support.kubectl import Kubectl
from tests.support.ledger import run_as_owner
from tests.support.tenants import PLATFORM, Paper, TestTenant
from tests.support.waiting import wait_until

TRADER = '''
"""Trades every few seconds, so that the key is used."""

from decimal import Decimal

from stockade_sdk import Strategy


class Trader(Strategy):
    def on_start(self):
        self.subscribe_quotes("BTCUSDT")
        self.set_timer("trade", 2)

    def on_timer(self, name):
        self.buy("BTCUSDT", Decimal("0.001"))
'''


class Canary:
    """A key made for this test, so that a single hit anywhere is a leak."""

    def __init__(self) -> None:
        self.key = "CANARYKEY" + secrets.token_hex(28)[:55]
        self.secret = "CANARYSECRET" + secrets.token_hex(28)[:52]

    def in_text(self, text: str) -> list[str]:
        """Which parts of it stand in a text, plain or in base64 as Secrets hold it."""
        return [part for part in (self.key, self.secret) if part in text]


@pytest.fixture(scope="module")
def canary() -> Canary:
    return Canary()


@pytest.fixture(scope="module")
def trading(kubectl: Kubectl, paper: Paper, tenant: TestTenant, canary: Canary) -> TestTenant:
    tenant.open_account("canary", apiKey=canary.key, apiSecret=canary.secret)
    tenant.apply_algorithm("trader", TRADER, account="canary")
    tenant.wait_ready("algorithm", "trader")
    wait_until(
        lambda: tenant.gateway_status("trader")["orders"],
        "three orders, each signed with the canary",
        holds=lambda orders: orders["submitted"] >= 3,
    )
    return tenant


def uid_of(tenant: TestTenant, pod: str) -> str:
    found = tenant.kubectl.get("pod", pod, tenant.namespace)
    assert found is not None
    return str(found["metadata"]["uid"])


def test_the_search_finds_it_in_the_gateway(trading: TestTenant, canary: Canary) -> None:
    gateways = pod_processes(uid_of(trading, "algo-trader"), GATEWAY)
    assert any(process.memory_holds(canary.key.encode()) for process in gateways), "the search itself does not work"


def test_not_in_the_algorithms_container(trading: TestTenant, canary: Canary) -> None:
    processes = pod_processes(uid_of(trading, "algo-trader"), ALGORITHM)
    assert processes
    for process in processes:
        for part in (canary.key, canary.secret):
            assert part.encode() not in process.read("environ")
            assert part.encode() not in process.read("cmdline")
            assert not process.memory_holds(part.encode())
        assert b" /keys " not in process.read("mountinfo")


@pytest.mark.parametrize(("name", "uid"), [("stockade-operator", OPERATOR), ("stockade-panel", PANEL)])
def test_not_in_a_platforms_process(trading: TestTenant, kubectl: Kubectl, canary: Canary, name: str, uid: int) -> None:
    pods = [pod for pod in kubectl.items("pods", PLATFORM) if pod["metadata"]["name"].startswith(name)]
    processes = [process for pod in pods for process in pod_processes(pod["metadata"]["uid"], uid)]
    assert processes
    for process in processes:
        assert not process.memory_holds(canary.key.encode())
        assert not process.memory_holds(canary.secret.encode())


@pytest.mark.parametrize(
    "kind",
    [
        "algorithms",
        "exchangeaccounts",
        "tenants",
        "pods",
        "events",
        "configmaps",
        "deployments.apps",
        "replicasets.apps",
    ],
)
def test_not_in_any_object(trading: TestTenant, kubectl: Kubectl, canary: Canary, kind: str) -> None:
    text = kubectl.run("get", kind, "-A", "-o", "json")
    assert trading.name in text or kind in {"deployments.apps", "replicasets.apps"}
    assert canary.in_text(text) == []


def test_not_in_any_log(trading: TestTenant, kubectl: Kubectl, canary: Canary) -> None:
    logs = []
    for namespace in (PLATFORM, trading.namespace):
        for pod in kubectl.items("pods", namespace):
            if "paper-exchange" in pod["metadata"]["name"]:
                continue  # the exchange is who gave the key
            where = ("-n", namespace, pod["metadata"]["name"], "--all-containers", "--prefix")
            logs.append(kubectl.run("logs", *where))
    assert any(logs)
    assert canary.in_text("".join(logs)) == []


def test_not_in_the_database(trading: TestTenant, kubectl: Kubectl, canary: Canary) -> None:
    dump = run_as_owner(kubectl, "pg_dump")
    assert trading.name in dump, "the dump has the tenant's rows"
    assert canary.in_text(dump) == []


def test_not_on_a_gateways_open_pages(trading: TestTenant, canary: Canary) -> None:
    assert canary.in_text(str(trading.gateway_status("trader"))) == []
