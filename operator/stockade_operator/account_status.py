"""What an ExchangeAccount's status says, as a pure function of everything the operator knows about it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from stockade_crds import Algorithm, ConditionStatus, ExchangeAccount, ExchangeAccountStatus
from stockade_operator.gateways import AccountReport, Heard
from stockade_operator.pods import PodFacts
from stockade_operator.policies import Verdict
from stockade_operator.status import Fact, date_facts, no, unknown, yes

TOLD = frozenset({"Ready=False>True", "Ready=True>False", "KeysAvailable=False"})
"""The transitions that become Events."""


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    """Everything that is known about an account when its status is written."""

    account: ExchangeAccount
    accepted: Verdict
    keys: Verdict
    pod: PodFacts | None
    heard: Heard | None
    algorithms: list[Algorithm]
    now: datetime


def describe_account(facts: AccountFacts) -> ExchangeAccountStatus:
    """Return the whole status."""
    account = facts.account
    report = facts.heard.report if facts.heard is not None and facts.heard.known else None
    found = report if isinstance(report, AccountReport) else None
    permissions = found.permissions if found is not None else None
    return ExchangeAccountStatus(
        observed_generation=account.metadata.generation,
        key_version=found.key_version if found is not None else None,
        permissions=_name_permissions(found),
        ip_restricted=permissions.ip_restricted if permissions is not None else None,
        can_withdraw=permissions.can_withdraw if permissions is not None else None,
        weight_used=found.weight_used if found is not None else None,
        algorithms=[algorithm.metadata.name for algorithm in facts.algorithms],
        open_exposure=_sum_exposure(facts.algorithms),
        last_reconciled_time=account.status.last_reconciled_time,
        conditions=date_facts(_judge(facts), account.status.conditions, account.metadata.generation, facts.now),
    )


def _judge(facts: AccountFacts) -> list[Fact]:
    gateway = _judge_gateway(facts)
    keys = Fact("KeysAvailable", facts.keys.status, facts.keys.reason, facts.keys.message)
    accepted = Fact("Accepted", facts.accepted.status, facts.accepted.reason, facts.accepted.message)
    first = next((part for part in (accepted, gateway, keys) if part.status is not ConditionStatus.TRUE), None)
    if first is None:
        ready = yes("Ready", "Ready", "The account's gateway answers and its keys may trade.")
    else:
        ready = no("Ready", first.reason, first.message)
    return [ready, keys, gateway]


def _judge_gateway(facts: AccountFacts) -> Fact:  # noqa: PLR0911 - one return per rule
    if not facts.accepted.allows:
        return no("GatewayReady", facts.accepted.reason, facts.accepted.message)
    if facts.pod is None:
        return no("GatewayReady", "NoPod", "The account's gateway has no pod yet.")
    gateway = facts.pod.gateway
    if gateway.state != "running":
        return no(
            "GatewayReady", gateway.reason or "Waiting", gateway.message or "The gateway's container is being made."
        )
    if facts.heard is None or facts.heard.report is None:
        return no("GatewayReady", "Starting", "The gateway has started and has not answered yet.")
    if not facts.heard.known:
        return unknown("GatewayReady", "NotAnswering", f"The gateway runs and does not answer: {facts.heard.error}.")
    report = facts.heard.report
    if isinstance(report, AccountReport) and not report.connected:
        return no("GatewayReady", "Disconnected", report.message or "The exchange is not reached.")
    return yes("GatewayReady", "Answering", "The gateway runs, answers, and reaches the exchange.")


def _name_permissions(report: AccountReport | None) -> list[str] | None:
    if report is None or report.permissions is None:
        return None
    named = {"Trade": report.permissions.can_trade, "Withdraw": report.permissions.can_withdraw}
    return [name for name, allowed in named.items() if allowed]


def _sum_exposure(algorithms: list[Algorithm]) -> Decimal | None:
    known = [each.status.position_notional for each in algorithms if each.status.position_notional is not None]
    return sum(known, Decimal(0)) if known else None
