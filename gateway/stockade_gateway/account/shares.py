"""Who may use how much of an account's limits: leases, as a pure function of what was granted, reported and is left.

Every sidecar reports about each second what its algorithm uses and gets a lease for some seconds. It checks and counts
its orders against that alone, so no order waits for an answer from here. What makes this safe: the exposures that all
leases still out allow, with what is held outside of them, never add up to more than the limit. A lease counts until its
holder has said that it obeys a newer one, and a holder that fell silent counts for all that its last lease allowed.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from stockade_gateway.account.errors import StaleReportError
from stockade_gateway.share_messages import LEASE_SECONDS, Lease, Report

ZERO = Decimal(0)
# Clocks of two machines differ in speed, and a process may be held up between two lines.
MARGIN_SECONDS = 1.0
# A holder that fell silent and is not replaced: from then on the ledger says what it holds. Ledgers lag.
SETTLE_SECONDS = 120.0
WINDOW_SECONDS = 10.0
# How long PostgreSQL's last word holds that nobody else has the right to grant: less than `left_behind.HELD_SECONDS`.
SOLE_SECONDS = 25.0
# Share of the exchange's order limit that is handed out; the rest is for Flatten, the dead man and manual orders.
ORDER_SHARE = Decimal("0.8")

Key = tuple[str, str]


class Remains(msgspec.Struct, frozen=True):
    """What is held outside of any lease, in the limits' quote asset; None is unknown."""

    exposure: Decimal | None
    day_result: Decimal | None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The limits, and everything of the account that no lease covers; an absent limit does not limit."""

    max_exposure: Decimal | None
    max_daily_loss: Decimal | None
    quote_asset: str
    # Orders that the exchange takes from the account in ten seconds.
    order_limit: int
    # The present UTC day.
    day: str
    # By algorithm, as the ledger had it at that time (None: it has not been read); those that report count by report.
    left_behind: Mapping[str, Remains]
    left_behind_time: float | None
    # Until then no other giver can have begun, by PostgreSQL's last word.
    sole_until: float
    manual: Remains
    # What a manual order that found no room would have needed.
    manual_wanted: Decimal = ZERO


class Grant(msgspec.Struct, frozen=True):
    """A lease as its giver remembers it."""

    number: int
    exposure: Decimal
    orders: int
    expires: float


class Holder(msgspec.Struct, frozen=True):
    """One sidecar process: its newest report and the leases it may still obey; it left when it said so."""

    report: Report
    heard: float
    grants: tuple[Grant, ...] = ()
    left: float | None = None

    @property
    def expires(self) -> float:
        """When its last lease is over."""
        return max((grant.expires for grant in self.grants), default=self.heard)

    @property
    def committed(self) -> Decimal | None:
        """The most it holds or can get to hold; None when that can't be told."""
        allowed = [grant.exposure for grant in self.grants]
        if self.report.exposure is None:
            return max(allowed, default=None)
        return max(self.report.exposure, *allowed) if allowed else self.report.exposure

    def count_orders(self, now: float) -> int:
        """Return the most orders it sent or can send within one window that includes now."""
        allowed = [grant.orders for grant in self.grants if now < grant.expires + WINDOW_SECONDS]
        return max([self.report.orders if now < self.heard + WINDOW_SECONDS else 0, *allowed])


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything this giver has given; `grants_from` is None while another giver may be at work."""

    epoch: str
    grants_from: float | None
    number: int = 0
    holders: Mapping[Key, Holder] = {}


def decide(state: State, report: Report, terms: Terms, now: float) -> tuple[State, Lease]:
    """Take in a report and answer it with a lease. Raises StaleReportError for one sent before another was taken in."""
    key = (report.uid, report.instance)
    holders = _take_report(state, report, now)
    holders = {name: holder for name, holder in holders.items() if not _is_settled(name, holders, terms, now)}
    number = state.number + 1
    lease = Lease(
        epoch=state.epoch,
        number=number,
        valid_seconds=LEASE_SECONDS,
        exposure=None,
        loss=None,
        orders=0,
        max_exposure=terms.max_exposure,
        max_daily_loss=terms.max_daily_loss,
    )
    if not report.leaving:
        hindrance = _find_hindrance(state, holders, terms, now)
        exposure = _grant_exposure(key, holders, terms, hindrance)
        orders = _grant_orders(key, holders, terms, now)
        loss = _grant_loss(key, holders, terms)
        lease = msgspec.structs.replace(lease, exposure=exposure, loss=loss, orders=orders, reason=hindrance)
        grant = Grant(number, ZERO if exposure is None else exposure, orders, now + LEASE_SECONDS + MARGIN_SECONDS)
        holder = holders[key]
        holders[key] = msgspec.structs.replace(holder, grants=(*holder.grants, grant))
    return msgspec.structs.replace(state, number=number, holders=holders), lease


def find_room(state: State, terms: Terms, now: float) -> Decimal | None:
    """Return the exposure that a manual order may add at this moment, None when there is no limit."""
    if terms.max_exposure is None:
        return None
    if _find_hindrance(state, state.holders, terms, now) is not None:
        return ZERO
    taken = sum((holder.committed or ZERO for holder in state.holders.values()), _sum_outside(state.holders, terms))
    return max(terms.max_exposure - taken, ZERO)


def find_hindrance(state: State, terms: Terms, now: float) -> str | None:
    """Return why nothing is granted beyond what is used, None when nothing stands in the way."""
    return _find_hindrance(state, state.holders, terms, now)


def compute_result(state: State, terms: Terms) -> Decimal:
    """Return the account's result of the day as far as it is known."""
    return _sum_results(None, state.holders, terms)


def _take_report(state: State, report: Report, now: float) -> dict[Key, Holder]:
    key = (report.uid, report.instance)
    holders = dict(state.holders)
    known = holders.get(key)
    if known is not None and report.sent_ns <= known.report.sent_ns:
        raise StaleReportError(f"a newer report of {report.algorithm} was taken in before this one")
    obeyed = report.obeys if report.epoch == state.epoch else 0
    grants = known.grants if known is not None else ()
    # The lease obeyed when the report was sent may have been used since, even if it is over by now. One before it is
    # gone. One after it is still on its way or was lost, and comes to nothing once it is over.
    kept = tuple(g for g in grants if g.number == obeyed or (g.number > obeyed and now < g.expires))
    holders[key] = Holder(report, now, () if report.leaving else kept, now if report.leaving else None)
    return holders


def _is_settled(key: Key, holders: Mapping[Key, Holder], terms: Terms, now: float) -> bool:
    """Return whether others tell what this holder has: the ledger, or the process that took its place."""
    holder = holders[key]
    read = terms.left_behind_time
    if terms.max_exposure is None and terms.max_daily_loss is None:
        return now > holder.expires + WINDOW_SECONDS
    if holder.left is not None:
        return read is not None and read > holder.left
    if now < holder.expires:
        return False
    if any(name[0] == key[0] and name != key and other.heard > holder.expires for name, other in holders.items()):
        return True
    return read is not None and read > holder.expires + SETTLE_SECONDS


def _find_hindrance(state: State, holders: Mapping[Key, Holder], terms: Terms, now: float) -> str | None:
    if terms.max_exposure is None and terms.max_daily_loss is None:
        return None
    if state.grants_from is None:
        return "the account gateway does not know yet whether another one is at work"
    if now < state.grants_from:
        return "the account gateway has just started: older leases are not over yet"
    if terms.left_behind_time is None or terms.left_behind_time < state.grants_from:
        return "what stopped algorithms hold has not been read from the ledger yet"
    if now >= terms.sole_until:
        return f"PostgreSQL has not confirmed for {SOLE_SECONDS:.0f} s that no other account gateway is at work"
    unknown: set[str] = set()
    if terms.max_exposure is not None:
        unknown |= {holder.report.algorithm for holder in holders.values() if holder.committed is None}
        unknown |= {name for name, remains in _list_outside(holders, terms) if remains.exposure is None}
    if terms.max_daily_loss is not None:
        unknown |= {holder.report.algorithm for holder in holders.values() if holder.report.day_result is None}
        unknown |= {name for name, remains in _list_outside(holders, terms) if remains.day_result is None}
    return f"what {', '.join(sorted(unknown))} holds can't be valued" if unknown else None


def _grant_exposure(key: Key, holders: Mapping[Key, Holder], terms: Terms, hindrance: str | None) -> Decimal | None:
    if terms.max_exposure is None:
        return None
    own = holders[key].report
    used = own.exposure or ZERO
    if hindrance is not None or own.exposure is None:
        return used
    outside = _sum_outside(holders, terms)
    others = sum((holder.committed or ZERO for name, holder in holders.items() if name != key), ZERO)
    active = {name: holder for name, holder in holders.items() if holder.left is None}
    in_use = sum((_use_of(holder) for holder in holders.values()), outside)
    wants = {name: max(holder.report.wanted_exposure - _use_of(holder), ZERO) for name, holder in active.items()}
    free = max(terms.max_exposure - in_use, ZERO)
    filled = divide_fairly(free, [*wants.values(), terms.manual_wanted])
    spare = (free - sum(filled, ZERO)) / len(active)
    target = used + dict(zip(wants, filled, strict=False))[key] + spare
    return max(min(target, terms.max_exposure - outside - others), ZERO)


def _grant_orders(key: Key, holders: Mapping[Key, Holder], terms: Terms, now: float) -> int:
    limit = int(terms.order_limit * ORDER_SHARE)
    active = {name: holder for name, holder in holders.items() if now < holder.expires + WINDOW_SECONDS}
    wants = {
        name: Decimal(max(holder.report.wanted_orders, holder.report.orders, 1)) for name, holder in active.items()
    }
    filled = divide_fairly(Decimal(limit), wants.values())
    # One part stays here for whoever comes next, or its first orders would have to wait for the others' leases.
    spare = (limit - sum(filled, ZERO)) / (len(active) + 1)
    target = max(int(dict(zip(wants, filled, strict=True))[key] + spare), 1)
    others = sum(holder.count_orders(now) for name, holder in active.items() if name != key)
    # Nobody is without any: one order each is what the reserve can bear while the others' leases shrink.
    return max(min(target, limit - others), 1)


def _grant_loss(key: Key, holders: Mapping[Key, Holder], terms: Terms) -> Decimal | None:
    """Return the loss of its own at which the account's is reached, given what all others have made or lost."""
    if terms.max_daily_loss is None:
        return None
    return terms.max_daily_loss + _sum_results(key[0], holders, terms)


def _sum_results(but_for: str | None, holders: Mapping[Key, Holder], terms: Terms) -> Decimal:
    """Add up the results of the day; what is unknown is a hindrance and counts nothing here."""
    newest: dict[str, Report] = {}
    for holder in holders.values():
        known = newest.get(holder.report.uid)
        if known is None or known.sent_ns < holder.report.sent_ns:
            newest[holder.report.uid] = holder.report
    total = sum((remains.day_result or ZERO for _, remains in _list_outside(holders, terms)), ZERO)
    for uid, report in newest.items():
        if uid != but_for:
            result = report.day_result or ZERO
            # Right after midnight the newest word may still be about yesterday.
            total += result if report.day == terms.day else min(result, ZERO)
    return total


def _sum_outside(holders: Mapping[Key, Holder], terms: Terms) -> Decimal:
    return sum((remains.exposure or ZERO for _, remains in _list_outside(holders, terms)), ZERO)


def _list_outside(holders: Mapping[Key, Holder], terms: Terms) -> list[tuple[str, Remains]]:
    """Return what no lease covers: manual orders, and every algorithm that does not report."""
    reporting = {holder.report.algorithm for holder in holders.values()}
    left_behind = [(name, remains) for name, remains in terms.left_behind.items() if name not in reporting]
    return [("manual orders", terms.manual), *left_behind]


def _use_of(holder: Holder) -> Decimal:
    """Return what it uses by its own word, or may use when it can't tell."""
    if holder.report.exposure is None:
        return holder.committed or ZERO
    return holder.report.exposure


def divide_fairly(amount: Decimal, wants: Iterable[Decimal]) -> list[Decimal]:
    """Give each what it wants, or, where that is too much, no less than anybody who gets more than it does."""
    wanted = list(wants)
    given = [ZERO] * len(wanted)
    left = amount
    for position, index in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        given[index] = min(wanted[index], left / (len(wanted) - position))
        left -= given[index]
    return given
