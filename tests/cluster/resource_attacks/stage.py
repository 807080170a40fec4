"""Runs the schedule of attacks beside a trading neighbour, and says what it cost the neighbour and the gateway.

Apart from the test, because `benchmarks/resource_attacks.py` writes down the same figures.
"""

import json
import math
import statistics
import time
import urllib.error
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from tests.cluster.resource_attacks import attacker
from tests.support.kubectl import condition
from tests.support.tenants import TestTenant, ask_json
from tests.support.waiting import wait_until

FOLDER = Path(__file__).parent
LIMITS = {"maxOrderNotional": "1000000", "maxOrdersPerMinute": 120, "quoteAsset": "USDT"}
SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
SETTLE_SECONDS = 60
QUIET = "quiet"


@dataclass(frozen=True)
class Outcome:
    """One attack, or none: the neighbour's delays and orders, and how often the attacked pod's gateway answered."""

    attack: str
    ticks: int
    median_microseconds: float
    p99_microseconds: float
    round_trip_milliseconds: float | None
    orders_sent: int
    missed_ticks: int
    answers: int
    longest_answer_milliseconds: float


@dataclass(frozen=True)
class Restart:
    """A container that began anew: how often, how it ended last, and what it said before."""

    pod: str
    container: str
    count: int
    last_end: dict[str, Any]
    last_words: str


@dataclass(frozen=True)
class Run:
    """The whole schedule; what the exchange and the kubelet say of it in the end."""

    outcomes: list[Outcome]
    sent: set[str]
    failed: list[str]
    lost: set[str]
    restarts: list[Restart]
    is_evicted: bool
    """Whether the attacked pod is another one in the end."""
    flooded_log: str
    """What is in the attacker's log after its flood."""

    def list_restarts(self, container: str) -> list[Restart]:
        """What began anew of both pods' containers of this name."""
        return [each for each in self.restarts if each.container == container]


def run_schedule(tenant: TestTenant, rounds: int = 1) -> Run:
    """Start both algorithms, wait out the schedule, and judge; a round takes two minutes and a half."""
    for name, symbols in (("trader", SYMBOLS), ("attacker", SYMBOLS[:1])):
        source = (FOLDER / f"{name}.py").read_text()
        parameters = {"rounds": rounds} if name == "attacker" else {}
        tenant.apply_algorithm(name, source, symbols=symbols, limits=LIMITS, onStop="Keep", parameters=parameters)
    tenant.wait_ready("algorithm", "trader")
    tenant.wait_ready("algorithm", "attacker")
    log = wait_until(
        lambda: tenant.kubectl.logs("algo-attacker", tenant.namespace, "algorithm", "--limit-bytes=20000"),
        "the attacker's schedule",
        holds=lambda text: "SCHEDULE " in text,
    )
    began = float(log.split("SCHEDULE ")[1].split()[0])
    uid = find_uid(tenant)
    windows = list_windows(began, rounds)
    answers = watch_gateway(tenant, began + rounds * len(attacker.ATTACKS) * attacker.TURN_SECONDS)
    seconds = read_seconds(tenant)
    sent = {order for second in seconds for order in second["sent"]}
    failed = [failure for second in seconds for failure in second["failed"]]
    return Run(
        outcomes=[judge(name, times, seconds, answers) for name, times in windows.items()],
        sent=sent,
        failed=failed,
        lost=find_lost(tenant, sent - {failure.partition(":")[0] for failure in failed}),
        restarts=list_restarts(tenant),
        is_evicted=find_uid(tenant) != uid,
        flooded_log=tenant.kubectl.logs("algo-attacker", tenant.namespace, "algorithm", "--tail=-1"),
    )


def list_windows(began: float, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """When each attack goes on, and when none does; the first second of each, where it only begins, is left out."""
    windows: dict[str, list[tuple[float, float]]] = {QUIET: []}
    for turn, name in enumerate([*attacker.ATTACKS] * rounds):
        attack = began + turn * attacker.TURN_SECONDS + attacker.REST_SECONDS + attacker.QUIET_SECONDS
        windows[QUIET].append((attack - attacker.QUIET_SECONDS, attack))
        windows.setdefault(name, []).append((attack + 1, attack + attacker.ATTACK_SECONDS))
    return windows


def watch_gateway(tenant: TestTenant, end: float) -> list[tuple[float, float]]:
    """Ask the attacked pod's gateway twice a second until the end: when it answered, and after how long."""
    answers: list[tuple[float, float]] = []
    address = None
    while time.time() < end:
        time.sleep(0.5)
        address = address or find_gateway(tenant)
        if address is None:
            continue
        asked = time.time()
        try:
            ask_json(address)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            address = None
            continue
        answers.append((asked, time.time() - asked))
    return answers


def find_uid(tenant: TestTenant) -> str | None:
    """Which pod the attacked one is."""
    pod = tenant.kubectl.get("pod", "algo-attacker", tenant.namespace)
    return str(pod["metadata"]["uid"]) if pod else None


def find_gateway(tenant: TestTenant) -> str | None:
    """Where the attacked pod's gateway answers; None while there is no pod."""
    pod = tenant.kubectl.get("pod", "algo-attacker", tenant.namespace)
    address = pod and pod["status"].get("podIP")
    return f"http://{address}:8081/status" if address else None


def read_seconds(tenant: TestTenant) -> list[dict[str, Any]]:
    """Every second the trader reported, once all its orders have come to an end."""

    def report() -> list[dict[str, Any]]:
        text = tenant.kubectl.logs("algo-trader", tenant.namespace, "algorithm", "--tail=-1")
        return [json.loads(line[7:]) for line in text.splitlines() if line.startswith("SECOND ")]

    now = time.time()
    return wait_until(
        report,
        "the trader's report of what it did until now",
        holds=lambda seconds: bool(seconds) and seconds[-1]["time"] > now + 2,
        deadline_seconds=SETTLE_SECONDS,
    )


def find_lost(tenant: TestTenant, sent: set[str]) -> set[str]:
    """The orders that the exchange does not have as filled after a while."""

    def unfilled() -> set[str]:
        orders = tenant.paper.books(tenant.key["apiKey"])["orders"]
        return sent - {order["clientOrderId"] for order in orders if order["status"] == "FILLED"}

    end = time.monotonic() + SETTLE_SECONDS
    while (missing := unfilled()) and time.monotonic() < end:
        time.sleep(1)
    return missing


def list_restarts(tenant: TestTenant) -> list[Restart]:
    """Every container that began anew, once both pods are whole again."""
    restarts = []
    for name in ("algo-attacker", "algo-trader"):
        pod = wait_until(
            lambda name=name: tenant.kubectl.get("pod", name, tenant.namespace) or {},  # type: ignore[misc]
            f"{name} to be ready",
            holds=lambda found: condition(found, "Ready").get("status") == "True",
        )
        for each in pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"]:
            if each["restartCount"]:
                where = (name, "-n", tenant.namespace, "-c", each["name"])
                words = tenant.kubectl.attempt("logs", *where, "--previous", "--tail=5")
                said = (words.stdout or words.stderr)[-2000:]
                restarts.append(Restart(name, each["name"], each["restartCount"], each["lastState"], said))
    return restarts


def judge(
    name: str, times: list[tuple[float, float]], seconds: list[dict[str, Any]], answers: list[tuple[float, float]]
) -> Outcome:
    """One attack's figures over all its rounds; a second counts where all of it lay within."""

    def is_within(moment: float, length: float) -> bool:
        return any(first + length <= moment <= last for first, last in times)

    within = [second for second in seconds if is_within(second["time"], 1)]
    delays = sorted(delay for second in within for delay in second["delays"])
    trips = [trip for second in within for trip in second["trips"]]
    waits = [wait for asked, wait in answers if is_within(asked, 0)]
    return Outcome(
        attack=name,
        ticks=len(delays),
        median_microseconds=statistics.median(delays) if delays else math.nan,
        p99_microseconds=delays[min(len(delays) - 1, int(len(delays) * 0.99))] if delays else math.nan,
        round_trip_milliseconds=round(statistics.median(trips) / 1000, 1) if trips else None,
        orders_sent=sum(len(second["sent"]) for second in within),
        missed_ticks=sum(second["missed"] for second in within),
        answers=len(waits),
        longest_answer_milliseconds=round(1000 * max(waits), 1) if waits else math.nan,
    )


def write_table(run: Run) -> str:
    """The figures for a reader, each beside the quiet run's."""
    quiet = run.outcomes[0]
    head = f"{'attack':<14}{'ticks':>7}{'median us':>11}{'x':>6}{'p99 us':>9}{'x':>6}{'order ms':>10}{'orders':>8}"
    lines = [head + f"{'missed':>8}{'answers':>9}{'worst ms':>10}"]
    lines += [
        f"{each.attack:<14}{each.ticks:>7}{each.median_microseconds:>11.0f}"
        f"{each.median_microseconds / quiet.median_microseconds:>6.1f}{each.p99_microseconds:>9.0f}"
        f"{each.p99_microseconds / quiet.p99_microseconds:>6.1f}{each.round_trip_milliseconds or math.nan:>10}"
        f"{each.orders_sent:>8}{each.missed_ticks:>8}{each.answers:>9}{each.longest_answer_milliseconds:>10}"
        for each in run.outcomes
    ]
    lines.append(
        f"the attacked pod was {'evicted' if run.is_evicted else 'not evicted'}; "
        f"{len(run.sent)} orders, {len(run.lost)} lost, {len(run.failed)} failed; began anew: "
        + (", ".join(f"{each.pod}'s {each.container}" for each in run.restarts) or "nothing")
    )
    return "\n".join(lines)


def to_record(run: Run) -> dict[str, Any]:
    """The figures as JSON takes them, named as in the other results."""
    return {
        "attacks": [{to_camel(name): value for name, value in asdict(each).items()} for each in run.outcomes],
        "ordersSent": len(run.sent),
        "ordersLost": len(run.lost),
        "ordersFailed": run.failed,
        "attackedPodEvicted": run.is_evicted,
        "gatewayRestarts": sum(each.count for each in run.list_restarts("gateway")),
        "algorithmRestarts": sum(each.count for each in run.list_restarts("algorithm")),
    }
