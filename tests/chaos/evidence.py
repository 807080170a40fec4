"""What the judge is given: the exchange's own record of a run, the ledger's rows and what the gateways said at the end.

Apart from the judge so that a test can make up evidence by hand, each violation in turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class ControlPeriod:
    """One generation of an algorithm's control.

    It may have been in force from `set_ms` on, and was for certain from `acknowledged_ms` on (None: never confirmed)
    until the next one was set.
    """

    set_ms: int
    acknowledged_ms: int | None
    trading: str
    limits: dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """One orderly leave: when the gateway was gone, what it was to do and what it said of it."""

    ended_ms: int
    action: str
    result: str


@dataclass(frozen=True)
class AlgorithmEvidence:
    """One algorithm: who it was, what it was allowed when, and what its gateway said last."""

    name: str
    prefix: str
    account: int
    controls: Sequence[ControlPeriod]
    stops: Sequence[Stop] = ()
    may_cancel: bool = True
    # How its processes ended without having been told to.
    deaths: Sequence[str] = ()
    # When its volumes were lost with its pod, and with them what its gateway had not told the ledger yet.
    losses_ms: Sequence[int] = ()
    # From when on which symbols were on its list: each time a pod of its began.
    symbols: Sequence[tuple[int, Sequence[str]]] = ()
    open_orders: int = 0
    positions: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """One order that a person asked an account's gateway for; no two wishes of an account have the same quantity.

    `status` is that of the HTTP answer, 0 when none came; the id is what the answer said.
    """

    quantity: Decimal
    status: int
    text: str = ""
    client_order_id: str | None = None


@dataclass(frozen=True)
class ManualEvidence:
    """A person on one account: what they asked its gateway for, and what the gateway was told about trading when."""

    account: int
    account_name: str
    controls: Sequence[ControlPeriod]
    wishes: Sequence[Wish] = ()
    # Orders that the person asked to cancel.
    cancels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Candle:
    """Between which prices a symbol was traded in one second."""

    time_ms: int
    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class Evidence:
    """Everything about one run. Times are milliseconds since the epoch; one machine, so one clock.

    `entries` is the exchange's audit log, `accounts` its state; the rows are the ledger's, as its owner reads them.
    """

    entries: Sequence[Row]
    accounts: Sequence[Row]
    algorithms: Sequence[AlgorithmEvidence]
    order_events: Sequence[Row]
    fills: Sequence[Row]
    positions: Sequence[Row]
    # The ledger's results by day, once all gateways have left.
    daily_results: Sequence[Row] = ()
    # From when until when the schedule had our address banned.
    bans: Sequence[tuple[int, int]] = ()
    # From when until when a key in use was revoked.
    revocations: Sequence[tuple[int, int]] = ()
    # How account gateways ended without having been told to.
    account_gateway_deaths: Sequence[str] = ()
    # Client order ids of a human's orders on the same accounts, placed at the exchange itself.
    foreign_orders: frozenset[str] = frozenset()
    # A human's orders through the accounts' gateways.
    manual: Sequence[ManualEvidence] = ()
    # The exchange's candles by symbol, oldest first.
    prices: Mapping[str, Sequence[Candle]] = field(default_factory=dict)


@dataclass(frozen=True)
class Violation:
    """One broken promise, with the rule's name and what exactly was seen."""

    rule: str
    algorithm: str
    text: str
