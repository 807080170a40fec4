"""Ten gateways behind one address, on one account with small limits: nobody is banned, nobody starves, cancels go."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stockade_wire.messages import OrderReply
from tests.support.account_world import AccountWorld
from tests.support.postgresql import run_server
from tests.support.sidecar_process import Algorithm, PaperExchange, Sidecar
from tests.support.waiting import wait_until

GATEWAYS = 10
# What the account may send in one window, and in the three that are judged.
FIRST_ORDERS = 32
JUDGED_ORDERS = 90
CONFIGURATION = "orders_per_ten_seconds: 40\nweight_per_minute: 2000\n"


@pytest.fixture
def small_world(tmp_path: Path) -> Iterator[AccountWorld]:
    """Run an exchange that takes 40 orders in ten seconds, an account on it, and ten sidecars."""
    (tmp_path / "paper.yaml").write_text(CONFIGURATION)
    paper = PaperExchange("--config", str(tmp_path / "paper.yaml"))
    with run_server() as server:
        ledger = server.create_ledger("ten")
        ledger.add_tenant("alpha")
        world = AccountWorld(paper, ledger.url("tenant-alpha"))
        for _ in range(GATEWAYS):
            world.start(world.add_sidecar(start=False), ready=False)
        yield world
        world.close()
    paper.end()


class Greedy(threading.Thread):
    """An algorithm that sends orders as fast as it is answered, and cancels each at once."""

    def __init__(self, algorithm: Algorithm) -> None:
        super().__init__()
        self._algorithm = algorithm
        self.enough = threading.Event()
        self.answers: Counter[str | None] = Counter()

    def run(self) -> None:
        """Go on until there is enough."""
        while not self.enough.wait(0.05):
            reply: OrderReply = self._algorithm.submit("BUY", "0.001", "30000")
            self.answers[reply.denied] += 1
            if reply.denied is None:
                self._algorithm.cancel(str(reply.client_order_id))
            del self._algorithm.events[:]


def count_orders(world: AccountWorld) -> list[int]:
    """Return how many orders of each sidecar the exchange has got."""
    orders = world.paper.describe_account(int(world.keys["account"]))["orders"]
    return [sum(order["clientOrderId"].startswith(each.prefix) for order in orders) for each in world.sidecars]


def wait_for_orders(world: AccountWorld, count: int) -> list[int]:
    """Return how many orders each sidecar has sent once all together have sent so many."""
    return wait_until(
        lambda: count_orders(world),
        f"{count} orders",
        holds=lambda counts: sum(counts) >= count,
        deadline_seconds=180,
        pause_seconds=0.5,
    )


def read_replies(world: AccountWorld) -> Counter[int]:
    """Return how often the exchange answered with each status."""
    entries: list[dict[str, Any]] = world.paper.call("GET", "/paper/v1/audit?limit=10000")["entries"]
    return Counter(int(entry["status"]) for entry in entries if entry["kind"] == "reply")


def is_equal(sidecar: Sidecar) -> bool:
    share = sidecar.status()["accountShare"]
    return share is not None and share["error"] is None and share["ordersPerTenSeconds"] <= 5


def test_ten_gateways_behind_one_address_share_its_limits(small_world: AccountWorld) -> None:
    for sidecar in small_world.sidecars:
        sidecar.wait_until_ready()
    wait_until(lambda: all(map(is_equal, small_world.sidecars)), "equal shares", deadline_seconds=90)
    algorithms = [sidecar.connect() for sidecar in small_world.sidecars]
    greedy = [Greedy(algorithm) for algorithm in algorithms]
    for each in greedy:
        each.start()
    before = wait_for_orders(small_world, FIRST_ORDERS)
    after = wait_for_orders(small_world, sum(before) + JUDGED_ORDERS)
    counts = [late - early for early, late in zip(before, after, strict=True)]
    for each in greedy:
        each.enough.set()
    for each in greedy:
        each.join(60)
    assert min(counts) >= sum(counts) / GATEWAYS / 2, counts
    assert all(each.answers["RATE_LIMIT_EXCEEDED"] for each in greedy)
    for sidecar in small_world.sidecars:
        sidecar.wait_for_status("all to be cancelled", lambda status: status["openOrders"] == 0)
    assert small_world.paper.describe_account(int(small_world.keys["account"]))["openOrders"] == []
    replies = read_replies(small_world)
    assert (replies[418], replies[429]) == (0, 0), replies
    for algorithm in algorithms:
        algorithm.close()
