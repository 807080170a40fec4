"""What the operator decides, as pure functions of facts: who may start, what happens to the pod, when an update waits.

Apart from the reconcilers so that each rule can be read, tested and argued about without a cluster.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from stockade_crds import (
    Algorithm,
    ConditionStatus,
    Environment,
    ExchangeAccount,
    State,
    Tenant,
    Trading,
    UpdatePolicy,
)
from stockade_operator.gateways import AccountReport, AlgorithmReport, Heard
from stockade_operator.manifests.algorithm_pod import GRACE_SECONDS
from stockade_operator.pods import PodFacts

NODE_MARGIN = timedelta(seconds=60)
"""How long after the end of its grace a pod may stay before its node counts as not answering."""


@dataclass(frozen=True)
class Verdict:
    """Whether something may be, and why."""

    status: ConditionStatus
    reason: str
    message: str
    stops: bool = False
    """Whether a pod that runs already has to stop for it."""

    @property
    def allows(self) -> bool:
        """Whether a pod may start."""
        return self.status is ConditionStatus.TRUE


def _refuse(reason: str, message: str, *, stops: bool = False) -> Verdict:
    return Verdict(ConditionStatus.FALSE, reason, message, stops)


def judge_algorithm(  # noqa: PLR0911 - one return per rule
    algorithm: Algorithm, tenant: Tenant | None, account: ExchangeAccount | None, rank: int, source_error: str | None
) -> Verdict:
    """Say whether the algorithm may run.

    `rank` counts the tenant's Algorithms from 1 by age. A refusal that makes trading itself wrong stops a
    running pod; one about something new (a missing source, a lowered quota, keys not checked again yet) does not.
    """
    if tenant is None or tenant.metadata.deletion_timestamp is not None:
        return _refuse("TenantMissing", "This namespace belongs to no Tenant. Create the Algorithm in one that does.")
    name = algorithm.spec.account
    if account is None or account.metadata.deletion_timestamp is not None:
        message = f"There is no ExchangeAccount {name!r} in this namespace. Create it, or name another in spec.account."
        return _refuse("AccountMissing", message, stops=True)
    if account.spec.environment is Environment.LIVE:
        if not tenant.spec.exchange.allow_live:
            message = f"Tenant {tenant.metadata.name!r} may not trade Live. Its spec.exchange.allowLive says so."
            return _refuse("LiveNotAllowed", message, stops=True)
        if lacks_limits(algorithm, account):
            message = "A Live account needs limits. Write at least one in spec.limits, for example maxOrderNotional."
            return _refuse("LimitsRequired", message, stops=True)
    if rank > tenant.spec.quota.algorithms:
        message = f"The tenant may have {tenant.spec.quota.algorithms} Algorithms and this is number {rank} by age."
        return _refuse("QuotaExceeded", message)
    keys = judge_account_for_start(account)
    if not keys.allows:
        return keys
    if source_error is not None:
        return _refuse("SourceMissing", source_error)
    return Verdict(ConditionStatus.TRUE, "Accepted", "The Algorithm may run.")


def lacks_limits(algorithm: Algorithm, account: ExchangeAccount) -> bool:
    """Return whether the algorithm would trade real money without any limit."""
    limits = algorithm.spec.limits
    given = limits.model_dump(exclude_none=True, exclude={"quote_asset"}) if limits is not None else {}
    return account.spec.environment is Environment.LIVE and not given


def judge_account_for_start(account: ExchangeAccount) -> Verdict:
    """Say whether the account's keys allow a start; not checked yet is not the same as harmless."""
    found = next((each for each in account.status.conditions if each.type == "KeysAvailable"), None)
    name = account.metadata.name
    if found is None or found.observed_generation != account.metadata.generation or found.status == "Unknown":
        why = found.message if found is not None else "its gateway has not reported yet"
        return Verdict(
            ConditionStatus.UNKNOWN, "KeysNotChecked", f"The keys of account {name!r} are not checked: {why}"
        )
    if found.status is ConditionStatus.FALSE:
        return _refuse(found.reason, f"Account {name!r}: {found.message}", stops=found.reason == "KeyCanWithdraw")
    return Verdict(ConditionStatus.TRUE, "KeysAvailable", found.message)


def judge_account(account: ExchangeAccount, tenant: Tenant | None) -> Verdict:
    """Say whether the account may have a gateway."""
    if tenant is None or tenant.metadata.deletion_timestamp is not None:
        return _refuse(
            "TenantMissing", "This namespace belongs to no Tenant. Create the ExchangeAccount in one that does."
        )
    if account.spec.environment is Environment.LIVE and not tenant.spec.exchange.allow_live:
        message = f"Tenant {tenant.metadata.name!r} may not trade Live. Its spec.exchange.allowLive says so."
        return _refuse("LiveNotAllowed", message)
    return Verdict(ConditionStatus.TRUE, "Accepted", "The account may be used.")


def judge_keys(account: ExchangeAccount, pod: PodFacts | None, heard: Heard | None) -> Verdict:
    """Say what is known of the account's keys from the gateway that mounts them now."""
    secret = account.spec.keys_secret.name
    hint = f"Secret {secret!r} must hold apiKey, and apiSecret (HMAC) or privateKey (PEM)."
    if pod is None or pod.gateway.state != "running":
        state = pod.gateway.message or pod.gateway.reason if pod is not None else ""
        message = f"The account's gateway does not run yet. {hint} {state}".strip()
        return Verdict(ConditionStatus.UNKNOWN, "NotChecked", message)
    if heard is None or not heard.known or not isinstance(heard.report, AccountReport):
        error = heard.error if heard is not None else "it was not asked yet"
        return Verdict(ConditionStatus.UNKNOWN, "NotChecked", f"The account's gateway has not reported: {error}.")
    report = heard.report
    if report.permissions is None or report.key_version is None:
        why = report.message or "the exchange has not answered yet."
        return Verdict(ConditionStatus.UNKNOWN, "NotChecked", f"{why} {hint}")
    if report.permissions.can_withdraw:
        message = (
            "The key may withdraw. Make one at the exchange that may only read and trade, and name its Secret here."
        )
        return _refuse("KeyCanWithdraw", message)
    if not report.permissions.can_trade:
        return _refuse("KeyCannotTrade", "The key may not trade. Allow spot trading for it at the exchange.")
    return Verdict(
        ConditionStatus.TRUE, "KeysChecked", f"Key version {report.key_version} may trade and may not withdraw."
    )


@dataclass(frozen=True)
class Update:
    """Whether the running pod differs from what would be made now, and whether it is replaced for it."""

    pending: bool
    restarts: bool
    reason: str
    message: str


def choose_keys(account: ExchangeAccount, pod: PodFacts) -> str:
    """Return the Secret whose keys a running pod is to use.

    The account's, once its own gateway has found them good, if the pod mounts them; until then those it uses.
    """
    wanted = account.spec.keys_secret.name
    return wanted if wanted in pod.key_slots and judge_account_for_start(account).allows else pod.keys_secret


def read_keys_in_use(pod: PodFacts, heard: Heard | None) -> str:
    """Return the Secret whose keys the pod's gateway uses: by its own word, until that by what was known of the pod."""
    if heard is not None and isinstance(heard.report, AlgorithmReport) and heard.report.keys_secret in pod.key_slots:
        return heard.report.keys_secret
    return pod.keys_secret


UP_TO_DATE = Update(pending=False, restarts=False, reason="UpToDate", message="The pod is what would be made now.")


def decide_update(
    pod: PodFacts, user_hash: str, platform_hash: str, keys_secret: str, policy: UpdatePolicy, *, flat: bool
) -> Update:
    """Say whether the pod is replaced: at once for the user's own change, by policy for Stockade's.

    New keys replace no pod that can take them over as it runs; any other waits for the policy as well.
    """
    if pod.user_hash != user_hash:
        message = "The source, parameters, account, symbols or resources have changed; the pod is replaced now."
        return Update(pending=True, restarts=True, reason="SpecChanged", message=message)
    if pod.keys_secret != keys_secret and keys_secret in pod.key_slots:
        message = f"The gateway takes over the keys of Secret {keys_secret!r} without a restart, once they are checked."
        return Update(pending=True, restarts=False, reason="KeysChanging", message=message)
    if pod.keys_secret != keys_secret:
        reason, what = "KeysChanged", f"The account's keys are now in Secret {keys_secret!r}"
    elif pod.platform_hash != platform_hash:
        reason, what = "PlatformChanged", "Stockade makes this pod differently now"
    else:
        return UP_TO_DATE
    if policy is UpdatePolicy.IMMEDIATE:
        return Update(
            pending=True, restarts=True, reason=reason, message=f"{what}; the pod is replaced now (Immediate)."
        )
    if policy is UpdatePolicy.WHEN_FLAT and flat:
        return Update(
            pending=True, restarts=True, reason=reason, message=f"{what}; the algorithm is flat, so it restarts."
        )
    if policy is UpdatePolicy.WHEN_FLAT:
        message = f"{what}; the pod is replaced when it has no position and no open order (WhenFlat)."
    else:
        message = f"{what}; it takes effect when you stop and start the algorithm (Manual)."
    return Update(pending=True, restarts=False, reason=reason, message=message)


class Step(StrEnum):
    """The one thing that is done to the pod next."""

    NOTHING = "Nothing"
    CREATE = "Create"
    DELETE = "Delete"
    RELEASE = "Release"
    """Let a pod that has ended go: take our finalizer off it."""
    WAIT = "Wait"


@dataclass(frozen=True)
class Decision:
    """A step with its reason in words."""

    step: Step
    reason: str
    message: str


def decide_pod(  # noqa: PLR0911 - one return per rule
    uid: str, pod: PodFacts | None, *, wanted: bool, why_not: Verdict | None, update: Update
) -> Decision:
    """Say what happens to the pod next; there is never a second one, and an end is only believed when it is certain.

    `wanted` is the user's wish, `why_not` the refusal that stands against it.
    """
    if pod is None:
        if wanted and why_not is None:
            return Decision(Step.CREATE, "Starting", "The pod is made.")
        return Decision(Step.NOTHING, "NoPod", "There is no pod.")
    if pod.owner_uid != uid:
        message = f"Pod {pod.name!r} belongs to somebody else. It is left alone; delete it to let this Algorithm start."
        return Decision(Step.WAIT, "PodNotOwned", message)
    if pod.finished:
        return Decision(Step.RELEASE, "PodEnded", pod.phase_message or pod.phase_reason or "The pod has ended.")
    if pod.deleting_since is not None:
        return Decision(
            Step.WAIT, "Stopping", "The pod is stopping: the algorithm first, then the gateway with its onStop."
        )
    if not wanted:
        return Decision(Step.DELETE, "Stopped", "The algorithm is stopped.")
    if why_not is not None and why_not.stops:
        return Decision(Step.DELETE, why_not.reason, why_not.message)
    if update.restarts and why_not is None:
        return Decision(Step.DELETE, update.reason, update.message)
    return Decision(Step.NOTHING, "PodExists", "The pod is there.")


def is_flat(heard: Heard | None) -> bool:
    """Return whether the gateway says, freshly and after reconciling, that nothing is held and nothing is open."""
    if heard is None or not heard.known or not isinstance(heard.report, AlgorithmReport):
        return False
    report = heard.report
    held = any(Decimal(quantity) != 0 for quantity in report.positions.values())
    return report.reconciled and report.open_orders == 0 and not held


def ignores_control(control: str, heard: Heard | None) -> bool:
    """Return whether a gateway that answers goes by another control than the text that was written to its pod.

    An algorithm's gateway tells the strictest switch it is under, an account's its control's generation alone.
    """
    if heard is None or not heard.known or heard.report is None:
        return False
    told = json.loads(control)
    if heard.report.control_generation != told["generation"]:
        return True
    strictest = max(told["trading"], told["account"]["trading"], key=list(Trading).index)
    return isinstance(heard.report, AlgorithmReport) and heard.report.trading != strictest


def is_wanted(algorithm: Algorithm) -> bool:
    """Return whether the user wants a pod."""
    return algorithm.spec.state is State.RUNNING and algorithm.metadata.deletion_timestamp is None


def is_overdue(pod: PodFacts, now: datetime) -> bool:
    """Return whether a stopping pod's node has said nothing long after the grace ended.

    Such a pod may still trade: a node that does not answer the API server may reach the exchange.
    """
    return pod.deleting_since is not None and not pod.finished and now > pod.deleting_since + NODE_MARGIN


def is_deadline_passed(algorithm: Algorithm, now: datetime) -> bool:
    """Return whether a deleted Algorithm has waited for its `onStop` for long enough."""
    deleted = algorithm.metadata.deletion_timestamp
    return deleted is not None and now > deleted + timedelta(seconds=GRACE_SECONDS) + 2 * NODE_MARGIN
