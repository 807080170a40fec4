"""What an Algorithm's status says, as a pure function of everything the operator knows about it."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from stockade_crds import (
    Algorithm,
    AlgorithmState,
    AlgorithmStatus,
    ConditionStatus,
    ExchangeAccount,
    Fault,
    OnStopOutcome,
    State,
    Trading,
    Version,
)
from stockade_operator.gateways import AlgorithmReport, Heard
from stockade_operator.pods import ContainerFacts, PodFacts, read_message, read_time
from stockade_operator.policies import Decision, Step, Update, Verdict, is_overdue
from stockade_operator.status import Fact, date_facts, no, unknown, yes

CANNOT_START = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
"""Reasons of the kubelet for which waiting does not help."""
LAUNCHER_FAILED = 70
HIGHEST_LINE = 2**31
NOTHING_RUNS = "There is no pod."
NODE_SILENT = "NodeNotAnswering"
TOLD = frozenset(
    {
        "Ready=False>True",
        "Accepted=False",
        "Connected=True>False",
        "Connected=True>Unknown",
        "AlgorithmRunning=False:UserCodeFailed",
        "AlgorithmRunning=False:OutOfMemory",
        "AlgorithmRunning=False:LauncherRefused",
        "AlgorithmRunning=False:Silent",
        "AlgorithmRunning=False:Gone",
        "WithinLimits=False",
        "UpdatePending=True",
        "Stalled=True",
    }
)
"""The transitions that become Events."""


@dataclass(frozen=True, kw_only=True)
class AlgorithmFacts:
    """Everything that is known about an Algorithm when its status is written."""

    algorithm: Algorithm
    account: ExchangeAccount | None
    accepted: Verdict
    version: Version | None
    pod: PodFacts | None
    heard: Heard | None
    decision: Decision
    update: Update
    refused: str | None
    """Why the API server did not let the pod be made, in its own words."""
    on_stop: OnStopOutcome | None
    now: datetime

    @property
    def own_pod(self) -> PodFacts | None:
        """The pod, when it is this Algorithm's."""
        return self.pod if self.pod is not None and self.pod.owner_uid == self.algorithm.metadata.uid else None

    @property
    def report(self) -> AlgorithmReport | None:
        """What the gateway says, when it said so a moment ago."""
        if self.own_pod is None or self.heard is None or not self.heard.known:
            return None
        return self.heard.report if isinstance(self.heard.report, AlgorithmReport) else None


def describe_algorithm(facts: AlgorithmFacts) -> AlgorithmStatus:
    """Return the whole status."""
    algorithm, report, pod = facts.algorithm, facts.report, facts.own_pod
    fault = _find_fault(facts)
    conditions = _judge(facts, fault)
    return AlgorithmStatus(
        observed_generation=algorithm.metadata.generation,
        state=_name_state(facts, fault),
        mode=facts.account.spec.environment if facts.account is not None else algorithm.status.mode,
        account=algorithm.spec.account,
        trading=Trading(report.trading) if report is not None and report.trading in set(Trading) else None,
        version=facts.version,
        pod=pod.name if pod is not None else None,
        open_orders=report.open_orders if report is not None else None,
        position_notional=_read_money(report.position_notional) if report is not None else None,
        realized_pnl_today=_read_money(report.realized_pnl_today) if report is not None else None,
        fees_today=_read_money(report.fees_today) if report is not None else None,
        quote_asset=report.quote_asset if report is not None else None,
        key_version=_read_key_version(report),
        ledger_spooled=report.ledger.spooled if report is not None else None,
        applied_control_generation=report.control_generation if report is not None else None,
        last_reconciled_time=read_time(report.last_reconciled_time)
        if report is not None and report.last_reconciled_time
        else algorithm.status.last_reconciled_time,
        fault=fault,
        on_stop=facts.on_stop,
        conditions=date_facts(conditions, algorithm.status.conditions, algorithm.metadata.generation, facts.now),
    )


def _read_key_version(report: AlgorithmReport | None) -> str | None:
    """Return the gateway's word, if it is one: a status with anything else would be refused whole."""
    said = report.key_version if report is not None else None
    return said if said is not None and re.fullmatch(r"[0-9a-f]{8}", said) else None


def _judge(facts: AlgorithmFacts, fault: Fault | None) -> list[Fact]:
    accepted = Fact("Accepted", facts.accepted.status, facts.accepted.reason, facts.accepted.message)
    parts = [
        accepted,
        _judge_scheduled(facts),
        _judge_gateway(facts),
        _judge_report(facts, "Connected"),
        _judge_report(facts, "Reconciled"),
        _judge_running(facts, fault),
        _judge_limits(facts),
    ]
    pending = yes if facts.update.pending else no
    update = pending("UpdatePending", facts.update.reason, facts.update.message)
    return [_sum_up(facts, parts), *parts, update, _judge_stalled(facts)]


def _sum_up(facts: AlgorithmFacts, parts: list[Fact]) -> Fact:
    if facts.algorithm.spec.state is State.STOPPED and facts.own_pod is None:
        return no("Ready", "Stopped", "The algorithm is stopped.")
    if facts.decision.step is Step.WAIT or facts.decision.step is Step.DELETE:
        return no("Ready", facts.decision.reason, facts.decision.message)
    if facts.own_pod is not None and facts.own_pod.cut_off:
        return no("Ready", NODE_SILENT, _tell_silence(facts.own_pod))
    # A pod that runs is not less ready for a question about its start that nobody can answer just now.
    asked = [part for part in parts if part.type != "Accepted" or not facts.own_pod or part.status == "False"]
    first = next((part for part in asked if part.status is not ConditionStatus.TRUE), None)
    if first is None:
        return yes("Ready", "Running", "The algorithm runs and its orders are reconciled with the exchange.")
    return no("Ready", first.reason, first.message)


def _judge_scheduled(facts: AlgorithmFacts) -> Fact:
    pod = facts.own_pod
    if pod is None:
        if facts.refused is not None:
            return no("Scheduled", "PodRefused", facts.refused)
        return no("Scheduled", "NoPod", NOTHING_RUNS)
    if pod.scheduled:
        return yes("Scheduled", "Scheduled", f"The pod is on node {pod.node!r}.")
    return no("Scheduled", pod.schedule_reason or "Pending", pod.schedule_message or "The pod waits for a node.")


def _judge_gateway(facts: AlgorithmFacts) -> Fact:
    pod = facts.own_pod
    if pod is None:
        return no("GatewayReady", "NoPod", NOTHING_RUNS)
    gateway = pod.gateway
    if gateway.state == "running":
        if facts.report is not None:
            return yes("GatewayReady", "Answering", "The gateway runs and answers.")
        if facts.heard is None or facts.heard.report is None:
            return no("GatewayReady", "Starting", "The gateway has started and has not answered yet.")
        return unknown("GatewayReady", "NotAnswering", f"The gateway runs and does not answer: {facts.heard.error}.")
    if gateway.state == "terminated":
        return no(
            "GatewayReady", "Ended", f"The gateway has ended ({gateway.end_reason}, exit code {gateway.exit_code})."
        )
    return no("GatewayReady", gateway.reason or "Waiting", gateway.message or "The gateway's container is being made.")


def _judge_report(facts: AlgorithmFacts, type_: str) -> Fact:
    if facts.own_pod is None:
        return no(type_, "NoPod", NOTHING_RUNS)
    report = facts.report
    if report is None:
        return unknown(type_, "NotAnswering", "The gateway does not answer, so nobody can tell.")
    holds = report.connected if type_ == "Connected" else report.reconciled
    if not holds:
        why = report.reason or (
            "The exchange is not reached." if type_ == "Connected" else "Orders are being compared."
        )
        return no(type_, "Disconnected" if type_ == "Connected" else "Reconciling", why)
    if type_ == "Connected":
        return yes(type_, "Connected", "The gateway is connected to the exchange.")
    return yes(type_, "Reconciled", "Gateway and exchange agree on orders and position.")


def _judge_running(facts: AlgorithmFacts, fault: Fault | None) -> Fact:  # noqa: PLR0911 - one return per rule
    pod, report = facts.own_pod, facts.report
    if pod is None:
        return no("AlgorithmRunning", "NoPod", NOTHING_RUNS)
    if pod.deleting_since is not None:
        return no("AlgorithmRunning", "Stopping", "The pod is stopping.")
    state = report.algorithm_state if report is not None else None
    if state == "Running" and pod.algorithm.state == "running":
        return yes("AlgorithmRunning", "Running", "The algorithm runs.")
    if fault is not None:
        return no("AlgorithmRunning", _name_failure(pod.algorithm), _tell_fault(fault))
    if pod.algorithm.state == "waiting" and pod.algorithm.reason in CANNOT_START:
        return no("AlgorithmRunning", pod.algorithm.reason, pod.algorithm.message)
    if pod.algorithm.exit_code is not None and pod.algorithm.state != "running":
        message = f"The algorithm's process has ended with exit code {pod.algorithm.exit_code}."
        return no("AlgorithmRunning", _name_failure(pod.algorithm), message)
    if state in {"Silent", "Gone"}:
        return no("AlgorithmRunning", state, f"The gateway finds the algorithm {state.lower()}.")
    if report is None and pod.algorithm.state == "running":
        return unknown("AlgorithmRunning", "NotAnswering", "The gateway does not answer, so nobody can tell.")
    return no("AlgorithmRunning", "Waiting", "The algorithm starts when its gateway is connected and reconciled.")


def _judge_limits(facts: AlgorithmFacts) -> Fact:
    if facts.own_pod is None:
        return yes("WithinLimits", "NoPod", "Nothing trades.")
    report = facts.report
    if report is None:
        return unknown("WithinLimits", "NotAnswering", "The gateway does not answer, so nobody can tell.")
    if report.within_limits:
        return yes("WithinLimits", "WithinLimits", "No limit is reached.")
    return no("WithinLimits", "LimitReached", f"Limit reached: {report.limit_breached or 'see the denied orders'}.")


def _judge_stalled(facts: AlgorithmFacts) -> Fact:
    pod = facts.pod
    if facts.decision.reason == "PodNotOwned":
        return yes("Stalled", "PodNotOwned", facts.decision.message)
    if facts.refused is not None:
        return yes("Stalled", "PodRefused", facts.refused)
    if pod is None:
        return no("Stalled", "Progressing", "Nothing stands in the way.")
    if pod.cut_off or is_overdue(pod, facts.now):
        return yes("Stalled", NODE_SILENT, _tell_silence(pod))
    for container in (pod.gateway, pod.algorithm):
        if container.state == "waiting" and container.reason in CANNOT_START:
            return yes("Stalled", container.reason, container.message or "The container can't be started.")
    return no("Stalled", "Progressing", "Nothing stands in the way.")


def _tell_silence(pod: PodFacts) -> str:
    """Return what a silent node means for who trades there, and the ways out."""
    if pod.deleting_since is None:
        known = "does not answer. Its pod may still trade, by the limits and switches it had: no change reaches it"
    else:
        known = "has not confirmed that the pod has ended, and it may still trade"
    return (
        f"Node {pod.node!r} {known}. It is not replaced before its end is certain: bring the node back, or delete its "
        "Node object once the machine is off. To stop its orders before that, disable the key at the exchange."
    )


def _name_state(facts: AlgorithmFacts, fault: Fault | None) -> AlgorithmState:  # noqa: PLR0911 - one return per rule
    pod, report = facts.own_pod, facts.report
    if pod is None:
        if facts.algorithm.spec.state is State.STOPPED or facts.algorithm.metadata.deletion_timestamp is not None:
            return AlgorithmState.STOPPED
        return AlgorithmState.REJECTED if facts.accepted.status is ConditionStatus.FALSE else AlgorithmState.PENDING
    if pod.deleting_since is not None or facts.decision.step is Step.DELETE:
        return AlgorithmState.UNKNOWN if is_overdue(pod, facts.now) else AlgorithmState.STOPPING
    if fault is not None or (pod.algorithm.exit_code is not None and pod.algorithm.state != "running"):
        return AlgorithmState.FAULTED
    if report is None:
        asked = facts.heard is not None and facts.heard.report is not None
        return AlgorithmState.UNKNOWN if asked else AlgorithmState.STARTING
    if report.algorithm_state == "Running":
        return AlgorithmState.RUNNING
    return (
        AlgorithmState.FAULTED if report.algorithm_state in {"Faulted", "Silent", "Gone"} else AlgorithmState.STARTING
    )


def _find_fault(facts: AlgorithmFacts) -> Fault | None:
    """Return why the user's code failed: from the gateway, or else from the container's last words."""
    pod, report = facts.own_pod, facts.report
    if pod is None or pod.deleting_since is not None:
        return None
    if report is not None and report.algorithm_state == "Running":
        return None
    if report is not None and report.fault is not None:
        told = report.fault
        return Fault(kind=told.kind, message=told.message, file=told.file, line=told.line)
    return None if pod.algorithm.state == "running" else read_last_words(pod.algorithm.end_message)


def read_last_words(text: str) -> Fault | None:
    """Return the fault in a termination message, None when it is none.

    The algorithm's container can write what it likes there, and nothing of it may make a status that the API server
    refuses: no half of a surrogate pair, no line number beyond an integer's range.
    """
    words = read_message(text)
    if "kind" not in words:
        return None
    kind, message, file = (
        str(words[name]).encode(errors="replace").decode() if words.get(name) else ""
        for name in ("kind", "message", "file")
    )
    line = words.get("line")
    is_line = isinstance(line, int) and not isinstance(line, bool) and 0 <= line < HIGHEST_LINE
    return Fault(kind=kind, message=message, file=file or None, line=line if is_line else None)


def _tell_fault(fault: Fault) -> str:
    place = f"{fault.file}:{fault.line}: " if fault.file and fault.line is not None else ""
    return f"{place}{fault.kind}: {fault.message}"


def _name_failure(container: ContainerFacts) -> str:
    if container.end_reason == "OOMKilled":
        return "OutOfMemory"
    return "LauncherRefused" if container.exit_code == LAUNCHER_FAILED else "UserCodeFailed"


def _read_money(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
