"""How long the account's kill switch takes, from the click to the last cancel that the exchange answered.

Real sidecars on loopback, all on one account of a paper exchange, each with open orders. The click is the moment the
control is written for the first of them, as the operator does; the exchange's own log says when the last order was
closed. What panel, operator and kubelet add on a cluster is not in these figures: `kill_switch_cluster.py` has them.
"""

import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.postgresql import run_server
from tests.support.sidecar_process import Algorithm, PaperExchange, Sidecar, make_token
from tests.support.waiting import wait_until

RESULTS = Path(__file__).parent / "results" / "kill_switch.json"
SIZES = (1, 10, 50)
ROUNDS = 5
# Together below the exchange's 200 open orders of one account and symbol.
ORDERS_EACH = 3
DEADLINE_SECONDS = 300.0
CONFIGURATION = (
    "weight_per_minute: 1000000\norders_per_ten_seconds: 1000000\norders_per_day: 100000000\nactivity: 0.1\n"
)
HALTED = {"trading": "Halted", "limits": None}
ACTIVE = {"trading": "Active", "limits": None}


class Fleet:
    """Sidecars of one account, each with a scripted algorithm."""

    def __init__(self, paper: PaperExchange, ledger_url: str, size: int) -> None:
        self.paper = paper
        self.account = paper.open_account(balances={"USDT": "100000000"})
        self.sidecars = [
            Sidecar(Path(tempfile.mkdtemp(prefix="sidecar-")), paper, ledger_url, self.account, make_token())
            for _ in range(size)
        ]
        for sidecar in self.sidecars:
            sidecar.start(ready=False)
        for sidecar in self.sidecars:
            wait_until(partial(sidecar.get, "/readyz"), "readiness", holds=_is_ok, deadline_seconds=DEADLINE_SECONDS)
        self.algorithms = [sidecar.connect() for sidecar in self.sidecars]

    def place_orders(self) -> None:
        """Have every algorithm place its orders, and wait until the exchange has them."""
        for algorithm in self.algorithms:
            for number in range(ORDERS_EACH):
                _submit(algorithm, f"{30000 + number}")
        self.wait_for_open_orders(ORDERS_EACH * len(self.sidecars))

    def wait_for_open_orders(self, count: int) -> None:
        """Wait until the exchange has so many open orders of the account."""
        number = int(self.account["account"])
        wait_until(
            lambda: len(self.paper.describe_account(number)["openOrders"]),
            f"{count} open orders",
            holds=lambda found: found == count,
            deadline_seconds=DEADLINE_SECONDS,
            pause_seconds=0.5,
        )

    def kill(self) -> tuple[float, float]:
        """Halt the account; returns the milliseconds until the first and until the last order was closed."""
        before = self.paper.call("GET", "/paper/v1/audit?limit=1")["last"]
        clicked_ms = time.time() * 1000
        for sidecar in self.sidecars:
            sidecar.set_control(account=HALTED)
        self.wait_for_open_orders(0)
        entries: list[dict[str, Any]] = self.paper.call("GET", f"/paper/v1/audit?after={before}&limit=10000")["entries"]
        closed = [
            entry["timeMs"] - clicked_ms
            for entry in entries
            if entry["kind"] == "order"
            and entry["account"] == self.account["account"]
            and entry["status"] == "CANCELED"
        ]
        assert len(closed) == ORDERS_EACH * len(self.sidecars)
        return min(closed), max(closed)

    def revive(self) -> None:
        """Let the account trade again."""
        for sidecar in self.sidecars:
            sidecar.apply_control(account=ACTIVE)

    def close(self) -> None:
        """End every process."""
        for algorithm in self.algorithms:
            algorithm.close()
        for sidecar in self.sidecars:
            sidecar.close()
            shutil.rmtree(sidecar.folder)


def _is_ok(answer: tuple[int, str]) -> bool:
    return answer[0] == 200


def _submit(algorithm: Algorithm, price: str) -> None:
    reply = algorithm.submit("BUY", "0.001", price)
    assert reply.denied is None, reply
    algorithm.events.clear()


def measure(paper: PaperExchange, ledger_url: str, size: int) -> dict[str, Any]:
    """Return the figures of one size of fleet."""
    fleet = Fleet(paper, ledger_url, size)
    rounds = []
    for _ in range(ROUNDS):
        fleet.place_orders()
        rounds.append(fleet.kill())
        fleet.revive()
    fleet.close()
    first, last = ([value[index] for value in rounds] for index in (0, 1))
    figures = {
        "algorithms": size,
        "openOrders": size * ORDERS_EACH,
        "rounds": ROUNDS,
        "firstCancelMilliseconds": {"median": round(statistics.median(first)), "worst": round(max(first))},
        "lastCancelMilliseconds": {"median": round(statistics.median(last)), "worst": round(max(last))},
    }
    print(json.dumps(figures), flush=True)
    return figures


def main() -> None:
    """Measure every size and write the results."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, run_server() as server:
        (Path(folder) / "paper.yaml").write_text(CONFIGURATION)
        ledger = server.create_ledger("kill_switch")
        ledger.add_tenant("alpha")
        paper = PaperExchange("--config", f"{folder}/paper.yaml")
        runs = [measure(paper, ledger.url("tenant-alpha"), size) for size in SIZES]
        paper.end()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "loadBefore": round(load, 1)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
