"""What the pages say about an Algorithm, computed from its manifest: pure, so that every sentence has a test.

Nothing here judges an algorithm a second time: states and reasons are the operator's own words, put in order.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from stockade_panel.formats import parse_decimal, parse_time
from stockade_panel.kubectl import Manifest
from stockade_panel.sessions import namespace_tenant

Tone = Literal["good", "busy", "bad", "off", "warn"]
STATE_TONES: dict[str, Tone] = {
    "Running": "good",
    "Pending": "busy",
    "Starting": "busy",
    "Stopping": "busy",
    "Stopped": "off",
    "Faulted": "bad",
    "Rejected": "bad",
    "Unknown": "warn",
}
TRADING_TONES: dict[str, Tone] = {"Active": "good", "Reducing": "warn", "Halted": "bad"}
LIVE = "Live"
OWN_STEPS = frozenset(("INITIALIZED", "SUBMITTED", "PENDING_CANCEL", "DENIED", "REJECTED"))
"""States that an order's gateway brings about itself, by its own clock: there is nothing that it could hear of late."""

StepState = Literal["done", "waiting", "stuck", "unknown", "off"]
"""`stuck` is a step that stands still: it failed, or waits for longer than it should."""

# In the order they come true. The last two words say what to look at when a step stands still.
STEPS: tuple[tuple[str, str, timedelta, str, str | None], ...] = (
    ("Accepted", "Accepted", timedelta(seconds=20), "Correct the field named here; nothing was started.", None),
    (
        "Scheduled",
        "Pod scheduled",
        timedelta(seconds=60),
        "The cluster has no room, or the tenant's quota is used up: stop something or ask for more.",
        None,
    ),
    ("GatewayReady", "Gateway started", timedelta(seconds=90), "The gateway's log says what it waits for.", "gateway"),
    (
        "Connected",
        "Connected to the exchange",
        timedelta(seconds=60),
        "Check the account's keys and whether the exchange can be reached.",
        "gateway",
    ),
    (
        "Reconciled",
        "Orders and balances reconciled",
        timedelta(seconds=60),
        "The gateway asks the exchange for its orders before it takes new ones.",
        "gateway",
    ),
    (
        "AlgorithmRunning",
        "Algorithm running",
        timedelta(seconds=60),
        "The algorithm's log has the traceback; correct the code and save it as a new version.",
        "algorithm",
    ),
    (
        "WithinLimits",
        "Within its limits",
        timedelta(0),
        "A limit was reached. Only what the limit allows passes until it is changed or the day ends.",
        None,
    ),
)


@dataclass(frozen=True)
class Step:
    """One line of the checklist."""

    type: str
    label: str
    state: StepState
    reason: str
    message: str
    since: datetime | None
    hint: str
    log_container: str | None


@dataclass(frozen=True)
class Overview:
    """One algorithm as the list and the head of its page show it."""

    namespace: str
    name: str
    tenant: str
    account: str
    mode: str
    symbols: tuple[str, ...]
    state: str
    state_tone: Tone
    wanted_state: str
    wanted_trading: str
    trading: str
    trading_tone: Tone
    reason: str
    version: int | None
    pod: str | None
    open_orders: int | None
    position_notional: Decimal | None
    realized_pnl_today: Decimal | None
    fees_today: Decimal | None
    quote_asset: str
    as_of: datetime | None
    fault: str | None
    on_stop: str | None
    created: datetime | None
    is_being_deleted: bool
    control_pending: bool

    @property
    def is_live(self) -> bool:
        """Whether real money is traded."""
        return self.mode == LIVE

    @property
    def gap(self) -> str | None:
        """What is wanted and is not yet so, in words; None when there is no gap."""
        if self.is_being_deleted:
            return "being deleted"
        if self.wanted_state == "Running" and self.state == "Stopped":
            return "is to run"
        if self.wanted_state == "Stopped" and self.state not in {"Stopped", "Rejected"}:
            return "is to stop"
        if self.control_pending:
            return f"is to be {self.wanted_trading}"
        return None


def present_overview(manifest: Manifest) -> Overview:
    """Everything the list shows of one Algorithm. What the status does not say stays None, never zero."""
    metadata, spec, status = manifest["metadata"], manifest.get("spec", {}), manifest.get("status", {})
    state = status.get("state") or "Unknown"
    trading = status.get("trading") or spec.get("trading", "Active")
    ready = find_condition(manifest, "Ready")
    applied = status.get("appliedControlGeneration")
    return Overview(
        namespace=metadata["namespace"],
        name=metadata["name"],
        tenant=namespace_tenant(metadata["namespace"]),
        account=spec.get("account", ""),
        mode=status.get("mode") or "Unknown",
        symbols=tuple(spec.get("symbols", [])),
        state=state,
        state_tone=STATE_TONES.get(state, "warn"),
        wanted_state=spec.get("state", "Running"),
        wanted_trading=spec.get("trading", "Active"),
        trading=trading,
        trading_tone=TRADING_TONES.get(trading, "warn"),
        reason=(ready or {}).get("message", "") if (ready or {}).get("status") != "True" else "",
        version=(status.get("version") or {}).get("number"),
        pod=status.get("pod"),
        open_orders=status.get("openOrders"),
        position_notional=parse_decimal(status.get("positionNotional")),
        realized_pnl_today=parse_decimal(status.get("realizedPnlToday")),
        fees_today=parse_decimal(status.get("feesToday")),
        quote_asset=status.get("quoteAsset") or (spec.get("limits") or {}).get("quoteAsset", "USDT"),
        as_of=parse_time(status.get("lastReconciledTime")),
        fault=_describe_fault(status.get("fault")),
        on_stop=_describe_stop(status.get("onStop")),
        created=parse_time(metadata.get("creationTimestamp")),
        is_being_deleted=bool(metadata.get("deletionTimestamp")),
        control_pending=bool(status.get("pod")) and applied is not None and applied < metadata.get("generation", 0),
    )


def find_condition(manifest: Manifest, kind: str) -> dict[str, Any] | None:
    """A condition of any object by its type."""
    for condition in manifest.get("status", {}).get("conditions", []):
        if condition.get("type") == kind:
            return dict(condition)
    return None


def build_checklist(manifest: Manifest, now: datetime) -> list[Step]:
    """The steps from `kubectl apply` to a trading algorithm.

    Only the first one that is not done can stand still; those behind it have nothing to say yet.
    """
    stopped = manifest.get("spec", {}).get("state", "Running") == "Stopped"
    generation = manifest["metadata"].get("generation", 0)
    steps: list[Step] = []
    waits = False
    for kind, label, patience, hint, container in STEPS:
        condition = find_condition(manifest, kind)
        state = _judge(condition, kind, patience, generation, now, waits=waits, stopped=stopped)
        waits = waits or state in {"waiting", "stuck", "unknown"}
        told = condition or {}
        steps.append(
            Step(
                type=kind,
                label=label,
                state=state,
                reason=told.get("reason", ""),
                message=told.get("message", ""),
                since=parse_time(told.get("lastTransitionTime")),
                hint=hint if state == "stuck" else "",
                log_container=container if state == "stuck" else None,
            )
        )
    return steps


def list_notices(manifest: Manifest) -> list[dict[str, Any]]:
    """Conditions that say something only when they are true: an update waits, or nothing moves any more."""
    found = (find_condition(manifest, kind) for kind in ("Stalled", "UpdatePending"))
    return [condition for condition in found if condition and condition.get("status") == "True"]


def summarize_checklist(steps: list[Step]) -> str:
    """One sentence for the whole checklist."""
    stuck = next((step for step in steps if step.state == "stuck"), None)
    if stuck:
        return f"Stands still at “{stuck.label}”: {stuck.message or stuck.reason or 'no reason was given'}"
    if all(step.state == "off" for step in steps):
        return "Stopped. Start it and each step appears here."
    waiting = next((step for step in steps if step.state in {"waiting", "unknown"}), None)
    if waiting:
        return f"Next: {waiting.label.lower()}"
    return "Every step is done."


def _judge(
    condition: dict[str, Any] | None,
    kind: str,
    patience: timedelta,
    generation: int,
    now: datetime,
    *,
    waits: bool,
    stopped: bool,
) -> StepState:
    if stopped and kind != "Accepted":
        return "off"
    if condition is not None and condition.get("status") == "True":
        return "done"
    # A condition judged for an older generation of the object does not speak of this one yet.
    if condition is None or waits or condition.get("observedGeneration", generation) < generation:
        return "waiting"
    since = parse_time(condition.get("lastTransitionTime"))
    is_false = condition.get("status") == "False"
    if (kind == "Accepted" and is_false) or (since is not None and now - since >= patience):
        return "stuck" if is_false else "unknown"
    return "waiting"


def _describe_fault(fault: dict[str, Any] | None) -> str | None:
    if not fault:
        return None
    place = f" ({fault['file']}, line {fault.get('line', '?')})" if fault.get("file") else ""
    return f"{fault.get('kind', 'Error')}: {fault.get('message', '')}{place}"


def _describe_stop(outcome: dict[str, Any] | None) -> str | None:
    if not outcome:
        return None
    message = f": {outcome['message']}" if outcome.get("message") else ""
    return f"{outcome.get('action', 'Stop')} {str(outcome.get('result', 'unknown')).lower()}{message}"
