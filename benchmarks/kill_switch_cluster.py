"""How long the account's kill switch takes on the running cluster: from the click in the panel to the last cancel.

Beside `kill_switch.py`, which has the gateways alone. Here the whole way counts: the panel's form, the API server, the
operator's writes, the kubelet's files, the gateways' cancels. The exchange's own log says when each order was closed.
"""

import base64
import json
import os
import platform
import secrets
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
from tests.support.kubectl import Kubectl, condition
from tests.support.panel_stage import Browser
from tests.support.tenants import PLATFORM, Paper, TestTenant, ask_json, service_url
from tests.support.waiting import wait_until

RESULTS = Path(__file__).parent / "results" / "kill_switch_cluster.json"
SIZES = (1, 10, 50)
ROUNDS = 3
# Together below the exchange's 200 open orders of one account and symbol.
ORDERS_EACH = 3
# More at once than two cores can start delay each other, and everything else, for minutes.
START_TOGETHER = 4
DEADLINE_SECONDS = 600.0
# Long enough for the statuses of the placed orders to be written, as in a system that has traded for a while.
SETTLE_SECONDS = 5.0
CONTROL = "stockade.dev/control"
# Fifty pods' requests have to fit on two cores, and their limits into the tenant's quota.
QUOTA = {"algorithms": max(SIZES), "cpu": "64", "memory": "32Gi"}
RESOURCES = {"cpu": "50m", "memory": "96Mi"}
RESTER = f'''
"""Keeps {ORDERS_EACH} orders below the market open."""

from decimal import Decimal

from stockade_sdk import Strategy


class Rester(Strategy):
    def on_start(self):
        self.subscribe_quotes("BTCUSDT")
        self.set_timer("place", 2)

    def on_timer(self, name):
        quote = self.last_quote("BTCUSDT")
        if quote is not None and self.trading == "Active" and len(self.open_orders()) < {ORDERS_EACH}:
            price = self.instrument("BTCUSDT").round_price(quote.bid_price * Decimal("0.9"))
            self.buy("BTCUSDT", Decimal("0.001"), price)
'''


@dataclass(frozen=True)
class Round:
    """One turn of the switch, in milliseconds from the click."""

    answered: float
    """When the panel had answered the click."""
    written: list[float]
    """When each pod's control was written, as a watch of the API server's heard of it."""
    first_cancels: list[float]
    """When the first order of each pod was closed."""
    last_cancel: float


class ControlWatch:
    """Notes when each pod's control was first seen Halted, from a watch of its own."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods?watch=1&labelSelector=app.kubernetes.io/name=algorithm"
        words = [str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig), "get", "--raw", path]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read)
        self.known: set[str] = set()
        self.halted_ms: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._thread.join(30)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            now_ms = time.time() * 1000
            metadata = json.loads(line)["object"]["metadata"]
            self.known.add(metadata["name"])
            control = json.loads(metadata["annotations"][CONTROL])
            if control["account"]["trading"] == "Halted":
                self.halted_ms.setdefault(metadata["name"], now_ms)


class Fleet:
    """Algorithms of one account in pods of their own, and the panel's page with their switch."""

    def __init__(self, kubectl: Kubectl, tenant: TestTenant, browser: Browser) -> None:
        self._kubectl = kubectl
        self._tenant = tenant
        self._browser = browser
        self._csrf = browser.csrf()
        self.size = 0

    def grow(self, size: int) -> None:
        """Start more algorithms, a few at a time, and wait until every one is ready."""
        while self.size < size:
            wanted = min(self.size + START_TOGETHER, size)
            for number in range(self.size, wanted):
                self._tenant.apply_algorithm(f"rester-{number + 1}", RESTER, resources=RESOURCES)
            self.size = wanted
            wait_until(
                lambda: self._kubectl.items("algorithm", self._tenant.namespace),
                f"{wanted} algorithms to be ready",
                holds=lambda seen: [condition(each, "Ready").get("status") for each in seen] == ["True"] * self.size,
                deadline_seconds=DEADLINE_SECONDS,
                pause_seconds=1.0,
            )

    def press(self, act: str) -> None:
        """Press a button of the account's page."""
        path = f"/accounts/{self._tenant.namespace}/paper/acts"
        answer = self._browser.client.post(path, data={"act": act, "csrf_token": self._csrf})
        assert answer.status_code == 302, answer.text

    def wait_for_open_orders(self, count: int) -> None:
        """Wait until the exchange has so many open orders of the account."""
        wait_until(
            lambda: len(self._tenant.paper.books(self._tenant.key["apiKey"])["openOrders"]),
            f"{count} open orders",
            holds=lambda found: found == count,
            deadline_seconds=DEADLINE_SECONDS,
            pause_seconds=1.0,
        )

    def play(self) -> Round:
        """Wait for every algorithm's orders, halt the account, and let it trade again."""
        self.wait_for_open_orders(self.size * ORDERS_EACH)
        time.sleep(SETTLE_SECONDS)
        audit = f"{self._tenant.paper.url}/paper/v1/audit"
        before = ask_json(f"{audit}?limit=1")["last"]
        with ControlWatch(self._kubectl, self._tenant.namespace) as watch:
            wait_until(lambda: len(watch.known), "the watch", holds=lambda seen: seen == self.size)
            clicked_ms = time.time() * 1000
            self.press("kill")
            answered_ms = time.time() * 1000
            self.wait_for_open_orders(0)
            wait_until(lambda: len(watch.halted_ms), "every control", holds=lambda seen: seen == self.size)
        entries = ask_json(f"{audit}?after={before}&limit=100000")["entries"]
        closed: dict[str, list[float]] = defaultdict(list)
        for entry in entries:
            if entry["kind"] == "order" and entry["account"] == self._tenant.key["account"]:
                assert entry["status"] == "CANCELED", "no order is accepted after the click"
                closed[entry["clientOrderId"].split("-")[0]].append(entry["timeMs"] - clicked_ms)
        assert [len(times) for times in closed.values()] == [ORDERS_EACH] * self.size
        self.press("resume")
        return Round(
            answered=answered_ms - clicked_ms,
            written=[each - clicked_ms for each in watch.halted_ms.values()],
            first_cancels=[min(times) for times in closed.values()],
            last_cancel=max(max(times) for times in closed.values()),
        )


def describe(size: int, rounds: list[Round]) -> dict[str, Any]:
    """Return the figures of one size: the median and the worst of its rounds."""
    figures = {
        "panelAnsweredMilliseconds": [each.answered for each in rounds],
        "firstControlWrittenMilliseconds": [min(each.written) for each in rounds],
        "lastControlWrittenMilliseconds": [max(each.written) for each in rounds],
        "firstCancelMilliseconds": [min(each.first_cancels) for each in rounds],
        "lastPodsFirstCancelMilliseconds": [max(each.first_cancels) for each in rounds],
        "lastCancelMilliseconds": [each.last_cancel for each in rounds],
    }
    return {
        "algorithms": size,
        "openOrders": size * ORDERS_EACH,
        "rounds": len(rounds),
        **{
            name: {"median": round(statistics.median(values)), "worst": round(max(values))}
            for name, values in figures.items()
        },
    }


def log_in(kubectl: Kubectl, client: httpx.Client) -> Browser:
    """Return the session of the panel's administrator, who may turn every account's switch."""
    secret = kubectl.get("secret", "stockade-panel", PLATFORM)
    assert secret is not None
    email, password = (base64.b64decode(secret["data"][name]).decode() for name in ("adminEmail", "adminPassword"))
    browser = Browser(client)
    assert browser.log_in(email, password).status_code == 302
    return browser


def main() -> None:
    """Measure every size in a tenant of its own and write the results."""
    kubectl = Kubectl()
    paper = Paper(service_url(kubectl, "stockade-paper-exchange", PLATFORM, 9000))
    tenant = TestTenant(kubectl, paper, f"kill-{secrets.token_hex(2)}")
    load = os.getloadavg()[0]
    runs = []
    panel = service_url(kubectl, "stockade-panel", PLATFORM, 8080)
    try:
        tenant.create()
        kubectl.patch("tenant", tenant.name, "", {"spec": {"quota": QUOTA}})
        with httpx.Client(base_url=panel, timeout=120, trust_env=False) as client:
            fleet = Fleet(kubectl, tenant, log_in(kubectl, client))
            for size in SIZES:
                fleet.grow(size)
                runs.append(describe(size, [fleet.play() for _ in range(ROUNDS)]))
                print(json.dumps(runs[-1]), flush=True)
    finally:
        tenant.delete()
    machine = {"cores": os.cpu_count(), "kernel": platform.release(), "loadBefore": round(load, 1)}
    RESULTS.write_text(json.dumps({"machine": machine, "runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
