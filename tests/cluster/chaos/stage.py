"""A tenant whose algorithms trade while the cluster breaks: every act of the schedule, and the evidence in the end."""

import json
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from stockade_wire.order_ids import order_prefix
from tests.chaos.account_limits import ACCOUNT_EXPOSURE
from tests.chaos.evidence import AlgorithmEvidence, Evidence, ManualEvidence
from tests.chaos.losses import ACCOUNT_LOSS
from tests.chaos.person import Person
from tests.chaos.pod import NO_LOSS, SOURCE, TIGHT, WIDE, now_ms
from tests.chaos.schedule import Act
from tests.cluster.chaos.account_service import AccountService, log_in
from tests.cluster.chaos.instructions import LEASE_OVER_MS, Instruction, Instructions
from tests.cluster.chaos.ledger_rows import read_ledger
from tests.cluster.chaos.watch import Watch
from tests.support.containers import ALGORITHM, GATEWAY, OPERATOR, POSTGRESQL, pod_processes
from tests.support.tenants import PLATFORM, TestTenant, ask_json, service_url

ACCOUNT = "paper"
WIDE_ACCOUNT = {"maxExposure": "1250", "maxDailyLoss": "1000", "quoteAsset": "USDT"}
LIMITS = {"loosen-limits": WIDE, "tighten-limits": TIGHT, "forbid-loss": NO_LOSS}
ACCOUNT_LIMITS = {
    "loosen-account": WIDE_ACCOUNT,
    "tighten-account": {**WIDE_ACCOUNT, "maxExposure": "400"},
    "forbid-account-loss": {**WIDE_ACCOUNT, "maxDailyLoss": "0.1"},
}
TRADING = {"halt": "Halted", "reduce": "Reducing", "activate": "Active"}
STATES = {"stop": "Stopped", "start": "Running"}
_ORDER = ("Active", "Reducing", "Halted")


class Stage:
    """Everything of one run; `close` it. The tenant is the caller's."""

    def __init__(self, tenant: TestTenant, algorithms: int, seed: int) -> None:
        self._tenant = tenant
        self.names = [f"chaos-{number}" for number in range(algorithms)]
        self.counts: Counter[str] = Counter()
        self.void: Counter[str] = Counter()
        self._seed = seed
        self._versions = 0
        self._account_trading, self._account_limits = "Active", WIDE_ACCOUNT
        self._trading = dict.fromkeys(self.names, "Active")
        self._limits: dict[str, dict[str, Any]] = dict.fromkeys(self.names, WIDE)
        self.account = Instructions()
        self.algorithms = {name: Instructions() for name in self.names}
        # What was asked for around an operator's end, and in which words.
        self.pending: list[tuple[str, Instruction]] = []
        self._prefixes: dict[str, str] = {}
        self.deaths: list[str] = []
        service = AccountService(service_url(tenant.kubectl, f"account-{ACCOUNT}", tenant.namespace, 8080))
        self.watch = Watch(tenant, service.url, self._note_control)
        self.person = Person(service, log_in(tenant), tenant.name, self.deaths)

    def start(self) -> None:
        """Let all trade."""
        self._tell_account()
        for number, name in enumerate(self.names):
            instruction = self._begin_instruction(name)
            parameters = {"seed": self._seed * 1000 + number, "seconds_between_turns": 1.5, "cancels": number != 3}
            self._tenant.apply_algorithm(
                name, SOURCE, symbols=["BTCUSDT", "ETHUSDT"], limits=WIDE, parameters=parameters, onStop="CancelOrders"
            )
            found = self._tenant.kubectl.get("algorithm", name, self._tenant.namespace) or {}
            instruction.generation = found["metadata"]["generation"]
            self._prefixes[name] = order_prefix(found["metadata"]["uid"])
        for name in self.names:
            self._tenant.wait_ready("algorithm", name)
        self.watch.start()

    def close(self) -> None:
        """End its threads."""
        self.person.close()
        self.watch.close()

    # --- Acts ---------------------------------------------------------------------------------------------------------

    def carry_out(self, act: Act) -> None:
        """Do what the schedule says."""
        name = self.names[act.pod or 0]
        acts: dict[str, Callable[[], bool | None]] = {
            "kill-algorithm": lambda: self._kill(self._tenant.namespace, f"algo-{name}", ALGORITHM),
            "kill-gateway": lambda: self._kill(self._tenant.namespace, f"algo-{name}", GATEWAY),
            "kill-account-gateway": lambda: self._kill(self._tenant.namespace, f"account-{ACCOUNT}", GATEWAY),
            "kill-postgresql": lambda: self._kill(PLATFORM, "stockade-postgresql", POSTGRESQL),
            "kill-operator": lambda: self._kill(PLATFORM, "stockade-operator", OPERATOR),
            "delete-operator": self._delete_operator,
            "delete-pod": lambda: self._delete_pod(self._tenant.namespace, f"algo-{name}"),
            "new-version": lambda: self._renew(name),
            "disconnect": lambda: self._disconnect(act.details["target"]),
            "halt-account": lambda: self._switch_account("Halted"),
            "activate-account": lambda: self._switch_account("Active"),
            "place-through-gateway": lambda: self.person.place(act.details),
            "cancel-through-gateway": lambda: self.person.cancel_one(act.details["which"]),
        }
        self.counts[act.kind] += 1
        if act.kind in acts:
            if acts[act.kind]() is False:
                self.void[act.kind] += 1
        elif act.kind in LIMITS:
            self._limits[name] = LIMITS[act.kind]
            # A merge leaves in place what it does not name.
            self._tell(name, {"limits": {"maxDailyLoss": None, **self._limits[name]}})
        elif act.kind in TRADING:
            self._trading[name] = TRADING[act.kind]
            self._tell(name, {"trading": self._trading[name]})
        elif act.kind in STATES:
            self._tell(name, {"state": STATES[act.kind]})
        else:
            self._account_limits = ACCOUNT_LIMITS[act.kind]
            self._tell_account()

    def note_pending(self, act: Act) -> None:
        """Keep what an act around an operator's end asked for: the next operator has to carry it out."""
        name = self.names[act.pod or 0]
        told = self.account if act.kind in ACCOUNT_LIMITS else self.algorithms[name]
        self.pending.append((f"{act.kind} {name}", told.newest))

    def _kill(self, namespace: str, prefix: str, uid: int) -> bool:
        """Kill a container's first process; False when there is none just now."""
        for pod in self._tenant.kubectl.items("pods", namespace):
            if pod["metadata"]["name"].startswith(prefix) and "deletionTimestamp" not in pod["metadata"]:
                for process in pod_processes(pod["metadata"]["uid"], uid):
                    try:
                        if process.is_main:
                            process.kill()
                            return True
                    except (FileNotFoundError, ProcessLookupError):
                        continue  # It ended by itself meanwhile.
        return False

    def _delete_operator(self) -> None:
        for pod in self._tenant.kubectl.items("pods", PLATFORM, "app.kubernetes.io/name=operator"):
            self._delete_pod(PLATFORM, pod["metadata"]["name"])

    def _delete_pod(self, namespace: str, name: str) -> None:
        self._tenant.kubectl.delete("pod", name, namespace, wait=False)

    def _renew(self, name: str) -> None:
        """Make another version of the algorithm, with another seed."""
        self._versions += 1
        number = self.names.index(name)
        parameters = {"seed": self._versions, "seconds_between_turns": 1.5, "cancels": number != 3}
        self._tell(name, {"parameters": parameters})

    def _disconnect(self, target: str) -> None:
        ask_json(f"{self._tenant.paper.url}/paper/v1/disconnect", {"target": target})

    def _switch_account(self, trading: str) -> None:
        self._account_trading = trading
        self._tell_account()

    def _tell(self, name: str, spec: dict[str, Any]) -> None:
        instruction = self._begin_instruction(name)
        instruction.generation = self._patch("algorithm", name, spec)

    def _tell_account(self) -> None:
        """Tell the account, whose switch and limits are each algorithm's too."""
        self.account.every.append(
            Instruction(now_ms(), self._account_trading, self._list_account_limits(), account_generation=0)
        )
        generations = {name: each.newest.generation for name, each in self.algorithms.items() if each.every}
        told = [self._begin_instruction(name) for name in generations]
        spec = {"trading": self._account_trading, "limits": self._account_limits}
        self.account.newest.generation = self._patch("exchangeaccount", ACCOUNT, spec)
        for instruction, generation in zip(told, generations.values(), strict=True):
            instruction.account_generation = self.account.newest.generation
            instruction.generation = generation

    def _patch(self, kind: str, name: str, spec: dict[str, Any]) -> int:
        """Patch as a user of kubectl does; returns the new generation."""
        change = json.dumps({"spec": spec})
        where = ("-n", self._tenant.namespace, "--type=merge", "-o", "json")
        generation: int = json.loads(self._tenant.kubectl.run("patch", kind, name, *where, "-p", change))["metadata"][
            "generation"
        ]
        return generation

    def _begin_instruction(self, name: str) -> Instruction:
        """Write down what is about to be asked of an algorithm: it may obey before the answer is here."""
        trading = max(self._trading[name], self._account_trading, key=_ORDER.index)
        limits = {**self._limits[name], **self._list_account_limits()}
        account_generation = self.account.newest.generation or 0
        self.algorithms[name].every.append(Instruction(now_ms(), trading, limits, account_generation))
        return self.algorithms[name].newest

    def _list_account_limits(self) -> dict[str, Any]:
        limits = self._account_limits
        return {ACCOUNT_EXPOSURE: limits["maxExposure"], ACCOUNT_LOSS: limits["maxDailyLoss"]}

    # --- What is seen -------------------------------------------------------------------------------------------------

    def _note_control(self) -> None:
        """Note who has said that it obeys what; called after each look of the watch."""
        at_ms, status = now_ms(), self.watch.account_status
        if status:
            self.account.confirm(status["controlGeneration"] or 0, status["trading"], 0, at_ms)
        leased = [
            each.generation
            for each in self.account.every
            if each.generation and each.acknowledged_ms and each.acknowledged_ms + LEASE_OVER_MS < at_ms
        ]
        for name, told in self.watch.statuses.items():
            generation = told["controlGeneration"] or 0
            if name in self.algorithms:
                self.algorithms[name].confirm(generation, told["trading"], max(leased, default=0), at_ms)

    def begin_quiet(self) -> None:
        """Turn the account's kill switch, with every algorithm running: nothing can move any more."""
        self.person.close()
        for name in self.names:
            self._trading[name], self._limits[name] = "Active", WIDE
            self._tell(name, {"state": "Running", "trading": "Active", "limits": {"maxDailyLoss": None, **WIDE}})
        self._account_trading, self._account_limits = "Halted", WIDE_ACCOUNT
        self._tell_account()

    def find_unsettled(self) -> list[str]:
        """Return what is still to be put in order."""
        assert self.watch.failure is None, f"nobody watches any more: {self.watch.failure}"
        reasons = [] if self.account.are_obeyed else ["the account's gateway does not obey yet"]
        for found in self._tenant.kubectl.items("algorithms", self._tenant.namespace):
            generation, status = found["metadata"]["generation"], found.get("status", {})
            if not status.get("observedGeneration") == status.get("appliedControlGeneration") == generation:
                reasons.append(f"{found['metadata']['name']}: the operator has not carried out generation {generation}")
        for name in self.names:
            status = self.watch.statuses.get(name)
            if status is None or not (status["connected"] and status["reconciled"]):
                reasons.append(f"{name}: {status and status['reason']}")
            elif not self.algorithms[name].are_obeyed:
                reasons.append(f"{name}: its newest control is not in force")
            elif status["openOrders"]:
                reasons.append(f"{name}: {status['openOrders']} orders are open")
        return reasons

    def collect(self) -> Evidence:
        """Return everything for the judge; call it when nothing moves any more."""
        rows = read_ledger(self._tenant.kubectl, self._tenant.name)
        return Evidence(
            entries=list(self.watch.entries),
            accounts=[self._tenant.paper.books(self._tenant.key["apiKey"])],
            algorithms=[self._describe(name) for name in self.names],
            order_events=rows["order_event"],
            fills=rows["fill"],
            positions=rows["position"],
            account_gateway_deaths=(*self.watch.deaths.values(), *self.deaths),
            manual=[self._describe_person()],
        )

    def _describe(self, name: str) -> AlgorithmEvidence:
        status = self.watch.statuses.get(name, {})
        positions = {symbol: Decimal(held) for symbol, held in status.get("positions", {}).items()}
        return AlgorithmEvidence(
            name=name,
            prefix=self._prefixes[name],
            account=self._tenant.key["account"],
            controls=self.algorithms[name].list_periods(),
            losses_ms=tuple(self.watch.births_ms[f"algo-{name}"].values()),
            open_orders=int(status.get("openOrders", -1)),
            positions=positions,
        )

    def _describe_person(self) -> ManualEvidence:
        return ManualEvidence(
            account=self._tenant.key["account"],
            account_name=ACCOUNT,
            controls=self.account.list_periods(),
            wishes=tuple(self.person.wishes),
            cancels=frozenset(self.person.cancels),
        )


def wait_until_due(began: float, act: Act) -> None:
    """Sleep until an act is to happen."""
    time.sleep(max(0.0, began + act.at_seconds - time.monotonic()))
