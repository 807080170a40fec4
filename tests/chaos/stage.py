"""The stage of a chaos run: paper exchange, PostgreSQL, accounts and pods as real processes, and every act on them."""

import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from tests.chaos.account import TIGHT_EXPOSURE, TIGHT_LOSS, WIDE_EXPOSURE, WIDE_LOSS, Account
from tests.chaos.evidence import Candle, Evidence
from tests.chaos.person import log_in
from tests.chaos.pod import NARROW, NO_LOSS, SYMBOLS, TIGHT, WIDE, Pod, now_ms
from tests.chaos.schedule import Act
from tests.support.algorithm_process import build_image
from tests.support.postgresql import Ledger, Server, run_server
from tests.support.sidecar_process import PaperExchange, Sidecar, make_token, place_by_hand
from tests.support.waiting import wait_until

# So many algorithms share one account, its keys and its limits.
SHARING = 10
BALANCES = {"USDT": "1000000", "BTC": "20", "ETH": "300", "BNB": "100"}
_HAND_PREFIX = "hand-"
# Ten times what Binance takes: what is lost by fees has to outweigh within a minute what prices may have done.
_FEE = "0.01"
_OF_DATABASE = ("kill-postgresql", "freeze-postgresql", "lose-account-gateway-and-postgresql")


class Stage:
    """Everything of one run; `open_stage` makes and ends it."""

    def __init__(self, seed: int, pods: int, seconds_between_turns: float, folder: Path, server: Server) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self._source = random.Random(f"{seed}/stage")  # noqa: S311 - reproducible on purpose
        self._server = server
        self.ledger: Ledger = server.create_ledger("chaos")
        self._token = log_in(self.ledger, self.ledger.add_tenant("alpha"))
        self.audit = folder / "audit.jsonl"
        flags = ("--seed", str(seed), "--audit", str(self.audit), "--history-minutes", "5")
        self.paper = PaperExchange(*flags, "--maker-fee", _FEE, "--taker-fee", _FEE)
        self._hand_orders: list[str] = []
        self._bans: list[tuple[int, int]] = []
        self._workers: list[threading.Thread] = []
        # One trouble after the other: on a busy machine the database may not be back when it is to go again.
        self._database = threading.Lock()
        self.accounts: list[Account] = []
        self._hand_keys: list[dict[str, Any]] = []
        self.pods: list[Pod] = []
        interpreter = build_image(folder / "image")
        for first in range(0, pods, SHARING):
            account = self._open_account(min(SHARING, pods - first))
            for number in range(first, min(first + SHARING, pods)):
                self.pods.append(self._make_pod(number, account, seed, interpreter, seconds_between_turns))
                account.pods.append(self.pods[-1])

    def _open_account(self, size: int) -> Account:
        # Every second account pays its fees in an asset that none of its trades is in.
        hand_key = self.paper.open_account(balances=BALANCES, payFeesInBnb=bool(len(self.accounts) % 2))
        name = f"account-{len(self.accounts)}"
        account = Account(
            name,
            number=hand_key["account"],
            size=size,
            paper=self.paper,
            ledger_url=self.ledger.url("tenant-alpha"),
            token=self._token,
            folder=self.folder / name,
        )
        self._hand_keys.append(hand_key)
        self.accounts.append(account)
        return account

    def _make_pod(
        self, number: int, account: Account, seed: int, interpreter: Path, seconds_between_turns: float
    ) -> Pod:
        folder = self.folder / f"{number:02}"
        folder.mkdir()
        sidecar = Sidecar(folder, self.paper, self.ledger.url("tenant-alpha"), account.key, make_token())
        parameters = {
            "seed": seed * 1000 + number,
            "seconds_between_turns": seconds_between_turns,
            "cancels": number % 5 != 3,
            "dead_man": number % 3 == 0,
        }
        parameters["dead_man"] = parameters["dead_man"] and parameters["cancels"]
        return Pod(
            f"algo-{number:02}",
            sidecar,
            interpreter,
            account_name=account.name,
            account_url=account.gateway.http,
            account_control=account.control,
            parameters=parameters,
        )

    # --- Acts ---------------------------------------------------------------------------------------------------------

    def carry_out(self, act: Act) -> None:
        """Do what the schedule says; pods and the database do it in their own time."""
        self.counts[str(act.details.get("kind", act.kind))] += 1
        if act.kind in _OF_DATABASE:
            worker = threading.Thread(target=self._trouble_database, args=(act,), daemon=True)
            worker.start()
            self._workers.append(worker)
        if act.kind == "fault":
            began_ms = now_ms()
            self.paper.arm(**act.details)
            if act.details["kind"] == "ban-address":
                self._bans.append((began_ms, now_ms() + int(act.details["seconds"] * 1000)))
        elif act.kind == "disconnect":
            self.paper.disconnect(act.details["target"])
        elif act.kind == "shutdown-notice":
            self.paper.call("POST", "/paper/v1/shutdown-notice")
        elif act.kind == "regime":
            self.paper.call("PUT", "/paper/v1/feed/regime", {"regime": act.details["regime"]})
        elif act.pod is not None:
            self._carry_out_on(self.pods[act.pod], self.accounts[act.pod // SHARING], act)

    def _carry_out_on(self, pod: Pod, account: Account, act: Act) -> None:
        seconds = act.details.get("seconds", 0.0)
        acts = {
            "kill-algorithm": pod.kill_algorithm,
            "kill-gateway": pod.kill_gateway,
            "replace-pod": pod.replace,
            "stop-pod": pod.stop_and_start,
            "change-symbols": lambda: pod.change_symbols(act.details["symbols"]),
            "freeze-gateway": lambda: pod.freeze_gateway(seconds),
            "freeze-algorithm": lambda: pod.freeze_algorithm(seconds),
            "halt": lambda: pod.change_control(trading="Halted"),
            "reduce": lambda: pod.change_control(trading="Reducing"),
            "activate": lambda: pod.change_control(trading="Active"),
            "tighten-limits": lambda: pod.change_control(limits=TIGHT),
            "loosen-limits": lambda: pod.change_control(limits=WIDE),
            "narrow-band": lambda: pod.change_control(limits=NARROW),
            "widen-band": lambda: pod.change_control(limits=WIDE),
            "forbid-loss": lambda: pod.change_control(limits=NO_LOSS),
            "allow-loss": lambda: pod.change_control(limits=WIDE),
        }
        account_acts = {
            "kill-account-gateway": account.kill_gateway,
            # It is back before the database is, and may grant nothing until then.
            "lose-account-gateway-and-postgresql": account.kill_gateway,
            "freeze-account-gateway": lambda: account.freeze_gateway(seconds),
            "halt-account": lambda: account.switch("Halted"),
            "reduce-account": lambda: account.switch("Reducing"),
            "activate-account": lambda: account.switch("Active"),
            "tighten-account": lambda: account.limit(TIGHT_EXPOSURE),
            "loosen-account": lambda: account.limit(WIDE_EXPOSURE),
            "forbid-account-loss": lambda: account.limit_loss(TIGHT_LOSS),
            "allow-account-loss": lambda: account.limit_loss(WIDE_LOSS),
            "revoke-key": account.revoke_key,
            "restore-key": account.restore_key,
            "rotate-keys": lambda: account.rotate_keys(revoked_first=act.details["revoked_first"]),
        }
        if act.kind in acts:
            pod.do(acts[act.kind])
        elif act.kind in account_acts:
            account.do(account_acts[act.kind])
        elif act.kind == "cancel-by-hand":
            self._cancel_by_hand(pod)
        elif act.kind == "order-by-hand":
            self._order_by_hand(pod, act)
        elif act.kind == "place-through-gateway":
            account.person.place(act.details)
        elif act.kind == "cancel-through-gateway":
            account.person.cancel_one(act.details["which"])

    def _cancel_by_hand(self, pod: Pod) -> None:
        """Cancel one of the algorithm's orders on the exchange's web page."""
        state = self.paper.describe_account(pod.sidecar.account)
        ours = [each for each in state["openOrders"] if each["clientOrderId"].startswith(pod.sidecar.prefix)]
        if ours:
            number = self._source.choice(ours)["orderId"]
            # It may just have been filled.
            with contextlib.suppress(AssertionError):
                self.paper.call("POST", f"/paper/v1/orders/{number}/cancel")

    def _order_by_hand(self, pod: Pod, act: Act) -> None:
        """Place a human's order on the algorithm's account, far from the market or right at it."""
        number = f"{_HAND_PREFIX}{len(self._hand_orders)}"
        self._hand_orders.append(number)
        values = {"symbol": "BTCUSDT", "side": act.details["side"], "quantity": "0.001", "newClientOrderId": number}
        if act.details["rests"]:
            price = "30000" if act.details["side"] == "BUY" else "150000"
            values |= {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        else:
            values |= {"type": "MARKET"}
        key = next(key for key in self._hand_keys if key["account"] == pod.sidecar.account)
        place_by_hand(self.paper.port, key, values)

    def _trouble_database(self, act: Act) -> None:
        """Kill PostgreSQL and start it again, or let all its processes stand still."""
        with self._database:
            self._trouble_database_now(act)

    def _trouble_database_now(self, act: Act) -> None:
        if act.kind != "freeze-postgresql":
            self._server.stop(signal.SIGQUIT)
            time.sleep(act.details["seconds"])
            self._server.start()
            return
        process = self._server.process
        if process is None:
            return
        frozen = [process.pid, *find_children(process.pid)]
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        time.sleep(act.details["seconds"])
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # --- The end ------------------------------------------------------------------------------------------------------

    def begin_quiet(self) -> None:
        """Let nothing more go wrong, nobody trade, and no order that rests be filled while the books are compared."""
        for worker in self._workers:
            worker.join(300)
        self.paper.call("DELETE", "/paper/v1/faults")
        self.paper.call("POST", "/paper/v1/feed/pause")
        for account in self.accounts:
            account.person.close()
        for pod in self.pods:
            pod.begin_quiet()

    def read_prices(self) -> dict[str, list[Candle]]:
        """Return what the exchange still has of the prices of each second."""
        return {symbol: self._read_candles(symbol) for symbol in SYMBOLS}

    def _read_candles(self, symbol: str) -> list[Candle]:
        path = f"/api/v3/klines?symbol={symbol}&interval=1s&limit=1000"
        rows = wait_until(
            lambda: self.paper.ask(path), f"the prices of {symbol}", holds=lambda found: isinstance(found, list)
        )
        return [Candle(int(row[0]), low=Decimal(row[3]), high=Decimal(row[2])) for row in rows]

    def find_unsettled(self) -> list[str]:
        """Return what is still to be put in order, by pod: the exchange's own count of open orders is asked, too."""
        reasons = [reason for account in self.accounts if (reason := account.find_unsettled()) is not None]
        reasons += [f"{pod.name}: {pod.settled}" for pod in self.pods if pod.settled is not None]
        if reasons:
            return reasons
        state = self.paper.call("GET", "/paper/v1/state")
        open_ids = [each["clientOrderId"] for account in state["accounts"] for each in account["openOrders"]]
        for pod in self.pods:
            known = pod.collect().open_orders
            real = sum(number.startswith(pod.sidecar.prefix) for number in open_ids)
            if known != real:
                reasons.append(f"{pod.name}: {real} orders are open, the gateway knows {known}")
        return reasons

    def collect(self) -> Evidence:
        """Return everything for the judge; call it when nothing moves any more."""
        with self.ledger.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = {name: cursor.execute(f"SELECT * FROM ledger.{name}").fetchall() for name in _RELATIONS}
        return Evidence(
            entries=read_audit(self.audit),
            accounts=self.paper.call("GET", "/paper/v1/state")["accounts"],
            algorithms=[pod.collect() for pod in self.pods],
            order_events=rows["order_event"],
            fills=rows["fill"],
            positions=rows["position"],
            daily_results=rows["pnl_daily"],
            bans=self._bans,
            revocations=[each for account in self.accounts for each in account.list_revocations()],
            account_gateway_deaths=[death for account in self.accounts for death in account.deaths],
            foreign_orders=frozenset(self._hand_orders),
            manual=[account.collect() for account in self.accounts],
        )


_RELATIONS = ("order_event", "fill", "position", "pnl_daily")


@contextlib.contextmanager
def open_stage(seed: int, pods: int, seconds_between_turns: float) -> Iterator[Stage]:
    """Make the stage; afterwards no process of it is left, its folder is the caller's to remove."""
    # A path short enough for a Unix socket, wherever it runs.
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    with run_server() as server, contextlib.ExitStack() as cleanup:
        stage = Stage(seed, pods, seconds_between_turns, folder, server)
        cleanup.callback(stage.paper.end)
        for pod in stage.pods:
            cleanup.callback(pod.kill)
        for account in stage.accounts:
            cleanup.callback(account.close)
        yield stage


def remove_stage(stage: Stage) -> None:
    """Remove what a run wrote."""
    shutil.rmtree(stage.folder)


def read_audit(path: Path) -> list[dict[str, Any]]:
    """Return all entries, the older file's first; fails when a part of the run is missing."""
    older = path.with_name(f"{path.name}.1")
    lines = [line for each in (older, path) if each.exists() for line in each.read_bytes().splitlines()]
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert entries[0]["number"] == 1, "the run was too long for the audit log: its beginning is gone"
    return entries


def find_children(pid: int) -> list[int]:
    """Return the processes that a process started and that are alive."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
