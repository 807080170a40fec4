"""One chaos run from the first order to the verdict."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from stockade_wire.order_ids import MANUAL_PREFIX
from tests.chaos.account_limits import list_growths
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.judge import find_deaths, find_left_orders, find_unsettled_books, judge
from tests.chaos.losses import list_loss_growths
from tests.chaos.profit import find_wrong_results
from tests.chaos.replay import list_cancels, list_placements
from tests.chaos.schedule import make_schedule
from tests.chaos.stage import Stage, open_stage, remove_stage
from tests.support.waiting import wait_until

START_SECONDS = 300.0
QUIET_SECONDS = 400.0
PROGRESS_SECONDS = 5.0


@dataclass
class Report:
    """What a run was made of and what the judge said."""

    seed: int
    minutes: float
    algorithms: int
    seconds_between_turns: float
    acts: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    fills: int = 0
    cancels: int = 0
    manual_orders: int = 0
    # Orders that never left their pod, by the code of why, as far as the ledger took them in.
    denials: Counter[str] = field(default_factory=Counter)
    # Orders that stayed in their pod for the account's limit, and how near to it all came together (1 is the limit).
    denied_for_account: int = 0
    nearest_to_limit: Decimal = Decimal(0)
    # Orders that stayed in their pod for a day's loss, and how near to a limit of losses one was that did not.
    denied_for_loss: int = 0
    nearest_to_loss: Decimal = Decimal(0)
    key_changes: int = 0
    violations: list[Violation] = field(default_factory=list)
    folder: Path | None = None

    @property
    def command(self) -> str:
        """What reproduces the run."""
        size = f"MINUTES={self.minutes:g} ALGORITHMS={self.algorithms} TURN={self.seconds_between_turns:g}"
        return f"make chaos SEED={self.seed} {size}"


def run(
    seed: int, minutes: float, algorithms: int, seconds_between_turns: float, tell: Callable[[str], None]
) -> Report:
    """Run one seed's schedule; the folder of a run with violations is kept and named in the report."""
    report = Report(seed, minutes, algorithms, seconds_between_turns)
    with open_stage(seed, algorithms, seconds_between_turns) as stage:
        _start(stage, tell)
        _play(stage, report, minutes * 60, tell)
        stage.begin_quiet()
        prices = stage.read_prices()
        unsettled, evidence = _wait_for_quiet(stage, tell)
        for pod in stage.pods:
            pod.leave()
        evidence = replace(evidence, prices=prices)
        report.acts = stage.counts
        report.key_changes = sum(account.rotations for account in stage.accounts)
        _count(report, evidence)
        report.violations = [Violation("settles", "", reason) for reason in unsettled] + judge(evidence)
        report.violations += _judge_leaving(stage)
        if report.violations:
            report.folder = stage.folder
            _keep_outputs(stage)
    if not report.violations:
        remove_stage(stage)
    return report


def _start(stage: Stage, tell: Callable[[str], None]) -> None:
    for number, pod in enumerate(stage.pods, start=1):
        # One after the other: twenty interpreters that start at once only starve each other.
        pod.start()
        wait_until(pod.trades, f"{pod.name} to start", deadline_seconds=START_SECONDS)
        if number % 5 == 0:
            tell(f"{number} of {len(stage.pods)} algorithms run")
    for pod in stage.pods:
        wait_until(
            pod.has_share, f"{pod.name} to be lent a share of its account's limits", deadline_seconds=START_SECONDS
        )


def _play(stage: Stage, report: Report, seconds: float, tell: Callable[[str], None]) -> None:
    began, told = time.monotonic(), 0.0
    for act in make_schedule(report.seed, seconds, report.algorithms):
        while (left := began + act.at_seconds - time.monotonic()) > 0:
            passed = time.monotonic() - began
            if passed - told > PROGRESS_SECONDS:
                told = passed
                done = f"{passed:.0f} of {seconds:.0f} s, {stage.counts.total()} acts"
                tell(f"seed {report.seed}: {done}, now {act.kind}")
            time.sleep(min(left, 1.0))
        stage.carry_out(act)


def _wait_for_quiet(stage: Stage, tell: Callable[[str], None]) -> tuple[list[str], Evidence]:
    """Wait until all is in order; return what is not when the time is over, and the evidence of that moment."""
    ends, told = time.monotonic() + QUIET_SECONDS, 0.0
    while True:
        reasons = stage.find_unsettled()
        evidence = stage.collect()
        # What is on its way from the exchange to a gateway, or from there to the ledger, may still arrive.
        waits = reasons or [f"{each.algorithm}: {each.text}" for each in find_unsettled_books(evidence)]
        if not waits or time.monotonic() > ends:
            return reasons, evidence
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            tell(f"quiet: {len(waits)} to settle, such as {waits[0]}")
        time.sleep(1.0)


def _count(report: Report, evidence: Evidence) -> None:
    placements = list_placements(evidence.entries)
    kinds = [entry["fault"]["kind"] for entry in evidence.entries if entry["kind"] == "fault"]
    report.strikes = Counter(kinds)
    report.orders = len(placements)
    report.cancels = len(list_cancels(evidence.entries))
    report.fills = len(evidence.fills)
    report.manual_orders = sum(each.client_order_id.startswith(MANUAL_PREFIX) for each in placements)
    reasons = [row["reason"] or "" for row in evidence.order_events if row["state"] == "DENIED"]
    report.denials = Counter(reason.partition(":")[0] for reason in reasons)
    report.denied_for_loss = sum("today's loss" in reason for reason in reasons)
    report.denied_for_account = report.denials["ACCOUNT_LIMIT_EXCEEDED"]
    uses = [growth.exposure / growth.limit for growth in list_growths(evidence)]
    report.nearest_to_limit = max(uses, default=Decimal(0))
    losses = [growth.loss / growth.limit for growth in list_loss_growths(evidence)]
    report.nearest_to_loss = max(losses, default=Decimal(0))


def _judge_leaving(stage: Stage) -> list[Violation]:
    """Judge what the orderly end of all gateways did, and what they left in the ledger."""
    evidence = stage.collect()
    return [violation for rule in (find_left_orders, find_deaths, find_wrong_results) for violation in rule(evidence)]


def _keep_outputs(stage: Stage) -> None:
    for pod in stage.pods:
        (pod.sidecar.folder / "gateway.log").write_text(pod.sidecar.output, encoding="utf-8")


def tell_on_terminal(line: str) -> None:
    """Write one line of progress, over the last one where there is a terminal."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="", flush=True)
    else:
        print(line, flush=True)
