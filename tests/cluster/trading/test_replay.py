"""The main job on real input: a recording goes exchange -> gateway -> ring -> algorithm, its orders the way back.

Every recorded trade and quote is seen with its exact digits, and orders, fills, fees and profit in ledger, status and
exchange agree to the last digit with a recomputation that shares no code with the platform.
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.ledger import read_rows
from tests.support.tenants import PLATFORM, Paper, TestTenant, ask_json
from tests.support.waiting import wait_until

DATA = Path(__file__).parents[4] / "shared/data"
TRADES, QUOTES = DATA / "btcusdt-trades-2021-01-08.csv", DATA / "btcusdt-quotes-2021-01-08.csv"
NAME = "paper-replay"
EIGHTEEN = Fraction(1, 10**18)


def read_recording(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def replay(kubectl: Kubectl) -> Iterator[Paper]:
    """A paper exchange of the test's own that plays the recording; no Service selects it."""
    deployment = kubectl.get("deployment", "stockade-paper-exchange", PLATFORM)
    assert deployment is not None
    template = deployment["spec"]["template"]["spec"]
    container = template["containers"][0]
    files = ["--trades=/recording/trades.csv", "--quotes=/recording/quotes.csv"]
    arguments = ["serve", "--port=9000", "--feed=replay", *files, "--start-paused"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": PLATFORM, "labels": {"app.kubernetes.io/name": "paper-exchange"}},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": template["securityContext"],
            "containers": [
                {
                    "name": "paper-exchange",
                    "image": container["image"],
                    "imagePullPolicy": "IfNotPresent",
                    "args": arguments,
                    "readinessProbe": container["readinessProbe"] | {"periodSeconds": 1},
                    "ports": container["ports"],
                    "resources": container["resources"],
                    "securityContext": container["securityContext"],
                    "volumeMounts": [
                        {"name": "recording", "mountPath": "/recording", "readOnly": True},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {"name": "recording", "configMap": {"name": NAME}},
                {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            ],
        },
    }
    recording = {"trades.csv": TRADES.read_text(), "quotes.csv": QUOTES.read_text()}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": PLATFORM}, "data": recording},
        pod,
    )
    try:
        kubectl.run("wait", "-n", PLATFORM, f"pod/{NAME}", "--for=condition=Ready", "--timeout=80s")
        found = kubectl.get("pod", NAME, PLATFORM)
        assert found is not None
        yield Paper(f"http://{found['status']['podIP']}:9000")
    finally:
        kubectl.delete("pod", NAME, PLATFORM)
        kubectl.delete("configmap", NAME, PLATFORM)


def quote_of(row: dict[str, str]) -> tuple[Decimal, ...]:
    """A recorded quote as the algorithm prints it."""
    return tuple(Decimal(row[name]) for name in ("bid", "bid_size", "ask", "ask_size"))


def said(text: str, word: str) -> list[list[str]]:
    """The algorithm's lines that begin with a word, without it."""
    return [line.split()[1:] for line in text.splitlines() if line.startswith(f"{word} ")]


def quotes_in(text: str) -> list[tuple[Decimal, ...]]:
    """Every quote the algorithm printed."""
    return [tuple(Decimal(each) for each in line) for line in said(text, "QUOTE")]


@dataclass(frozen=True)
class Played:
    """What is left to look at after the recording was played."""

    tenant: TestTenant
    books: dict[str, Any]
    log: str


@pytest.fixture(scope="module")
def played(kubectl: Kubectl, tenant: TestTenant, replay: Paper) -> Played:
    """Start the recorder, play the recording in real time, and wait until the books are at rest."""
    host = replay.url.removeprefix("http://")
    endpoints = {"rest": f"http://{host}", "websocketApi": f"ws://{host}/ws-api/v3", "streams": f"ws://{host}"}
    tenant.paper = replay
    tenant.open_account("replay", endpoints=endpoints)
    source = (Path(__file__).parent / "recorder.py").read_text()
    tenant.apply_algorithm("recorder", source, account="replay", onStop="Keep")
    tenant.wait_ready("algorithm", "recorder")

    def log() -> str:
        return tenant.kubectl.logs("algo-recorder", tenant.namespace, "algorithm", "--tail=-1")

    wait_until(log, "the recorder to start", holds=lambda text: "STARTED" in text)
    time.sleep(2)  # its subscriptions reach the exchange; a paused feed shows nothing to wait for
    ask_json(f"{replay.url}/paper/v1/feed/start", {})
    trade, quote = read_recording(TRADES)[-1], quote_of(read_recording(QUOTES)[-1])

    def whole(text: str) -> bool:
        return f"TRADE {trade['trade_id']} " in text and quote in quotes_in(text)

    text = wait_until(log, "the recording's last trade and quote", holds=whole, deadline_seconds=150)
    books = wait_until(
        lambda: replay.books(tenant.key["apiKey"]),
        "all orders at rest",
        holds=lambda seen: not seen["openOrders"],
        deadline_seconds=60,
    )
    return Played(tenant, books, text)


@pytest.mark.timeout(400)
def test_the_algorithm_saw_every_trade_in_order_with_its_exact_digits(played: Played) -> None:
    wanted = [
        (int(row["trade_id"]), Decimal(row["price"]), Decimal(row["quantity"]), row["buyer_maker"])
        for row in read_recording(TRADES)
    ]
    seen = [
        (int(number), Decimal(price), Decimal(quantity), maker)
        for number, price, quantity, maker in said(played.log, "TRADE")
    ]
    recorded = {each[0] for each in wanted}
    assert len(wanted) == 2001
    assert [each for each in seen if each[0] in recorded] == wanted
    assert said(played.log, "GAP") == []


def test_the_algorithm_saw_every_quote(played: Played) -> None:
    wanted = [quote_of(row) for row in read_recording(QUOTES)]
    assert len(wanted) == 451
    rest = iter(quotes_in(played.log))
    missing = [quote for quote in wanted if quote not in rest]  # a subsequence: our own orders make quotes between them
    assert missing == []


def test_its_orders_filled_at_prices_the_recording_justifies(played: Played) -> None:
    quotes = read_recording(QUOTES)
    asks, bids = [Decimal(row["ask"]) for row in quotes], [Decimal(row["bid"]) for row in quotes]
    trades = {Decimal(row["price"]) for row in read_recording(TRADES)}
    fills = played.books["fills"]
    assert len(fills) >= 4
    for fill in fills:
        price = Decimal(fill["price"])
        assert price in trades or min(bids) <= price <= max(asks), fill
        if not fill["isMaker"]:
            assert price in (asks if fill["isBuyer"] else bids) or price in trades, f"no quote had this price: {fill}"


def test_fills_and_fees_in_the_ledger_are_the_exchanges(played: Played, kubectl: Kubectl) -> None:
    def rows() -> set[tuple[Any, ...]]:
        found = read_rows(
            kubectl,
            "SELECT trade_id, side, price, quantity, quote_quantity, commission, commission_asset, is_maker "
            f"FROM ledger.fills_with_fees WHERE tenant = '{played.tenant.name}' AND algorithm = 'recorder'",
        )
        numbers = ("price", "quantity", "quote_quantity", "commission")
        return {
            (
                row["trade_id"],
                row["side"],
                *(Decimal(row[name]) for name in numbers),
                row["commission_asset"],
                row["is_maker"],
            )
            for row in found
        }

    wanted = {
        (
            str(fill["id"]), "BUY" if fill["isBuyer"] else "SELL", Decimal(fill["price"]), Decimal(fill["qty"]),
            Decimal(fill["quoteQty"]), Decimal(fill["commission"]), fill["commissionAsset"], fill["isMaker"],
        )
        for fill in played.books["fills"]
    }  # fmt: skip
    assert wait_until(rows, "the fills in the ledger", holds=lambda seen: seen == wanted) == wanted


def test_orders_in_the_ledger_are_the_exchanges(played: Played, kubectl: Kubectl) -> None:
    def rows() -> dict[str, tuple[str, Decimal]]:
        found = read_rows(
            kubectl,
            "SELECT client_order_id, state, filled_quantity FROM ledger.order_history "
            f"WHERE tenant = '{played.tenant.name}' AND algorithm = 'recorder'",
        )
        return {row["client_order_id"]: (row["state"], Decimal(row["filled_quantity"])) for row in found}

    wanted = {each["clientOrderId"]: (each["status"], Decimal(each["executedQty"])) for each in played.books["orders"]}
    assert len(wanted) == 5
    assert wait_until(rows, "the orders in the ledger", holds=lambda seen: seen == wanted) == wanted


def recompute(fills: list[dict[str, Any]]) -> tuple[Fraction, Fraction]:
    """Realised profit and fees in USDT by average cost, in exact fractions: the textbook, not the platform."""
    held = cost = realized = fees = Fraction(0)
    for fill in fills:
        price, quantity, commission = (Fraction(fill[name]) for name in ("price", "qty", "commission"))
        if fill["isBuyer"]:
            taken = commission if fill["commissionAsset"] == "BTC" else Fraction(0)
            held, cost = held + quantity - taken, cost + (quantity - taken) * price
            fees += taken * price if taken else commission
        else:
            assert held >= quantity
            share = cost * quantity / held
            realized += quantity * price - share
            held, cost, fees = held - quantity, cost - share, fees + commission
    return realized, fees


def test_profit_and_fees_agree_everywhere_to_the_last_digit(played: Played, kubectl: Kubectl) -> None:
    realized, fees = recompute(played.books["fills"])
    name, namespace = played.tenant.name, played.tenant.namespace

    def figures() -> dict[str, Fraction]:
        daily = read_rows(
            kubectl,
            f"SELECT realized_pnl, fees FROM ledger.pnl_daily WHERE tenant = '{name}' AND algorithm = 'recorder'",
        )
        status = (kubectl.get("algorithm", "recorder", namespace) or {})["status"]
        gateway = played.tenant.gateway_status("recorder")
        return {
            "ledger": sum((Fraction(row["realized_pnl"]) for row in daily), Fraction(0)),
            "ledger fees": sum((Fraction(row["fees"]) for row in daily), Fraction(0)),
            "kubectl": Fraction(status["realizedPnlToday"]),
            "gateway": Fraction(gateway["realizedPnlToday"]),
            "gateway fees": Fraction(gateway["feesToday"]),
        }

    def agree(seen: dict[str, Fraction]) -> bool:
        return all(abs(each - (fees if "fees" in where else realized)) < EIGHTEEN for where, each in seen.items())

    wait_until(figures, f"profit {float(realized)} and fees {float(fees)} everywhere", holds=agree)
