"""The sharing of an account's limits: who gets how much, and that it never adds up to more than there is."""

import math
from decimal import Decimal

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stockade_gateway.account import left_behind
from stockade_gateway.account.errors import StaleReportError
from stockade_gateway.account.shares import (
    MARGIN_SECONDS,
    SETTLE_SECONDS,
    SOLE_SECONDS,
    WINDOW_SECONDS,
    Remains,
    State,
    Terms,
    decide,
    divide_fairly,
    find_room,
)
from stockade_gateway.control import AccountLimits
from stockade_gateway.held_lease import HeldLease
from stockade_gateway.share_messages import LEASE_SECONDS, Lease, Report

ZERO = Decimal(0)
TERMS = Terms(
    max_exposure=Decimal(1000),
    max_daily_loss=Decimal(100),
    quote_asset="USDT",
    order_limit=50,
    day="2026-01-01",
    left_behind={},
    left_behind_time=0.0,
    sole_until=math.inf,
    manual=Remains(ZERO, ZERO),
)
OPEN = State(epoch="first", grants_from=0.0)
_sent = iter(range(1, 10**9))


def terms_with(**changes: object) -> Terms:
    return msgspec.structs.replace(TERMS, **changes)


def report(uid: str = "a", exposure: str | None = "0", **fields: object) -> Report:
    number = None if exposure is None else Decimal(exposure)
    plain = Report(
        uid=uid, algorithm=f"algorithm-{uid}", instance="1", sent_ns=next(_sent), epoch="first", obeys=0,
        exposure=number, wanted_exposure=number or ZERO, day_result=ZERO, day="2026-01-01", orders=0, wanted_orders=0,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **fields)


def test_the_first_gets_all_and_a_second_nothing_until_the_first_obeys_less() -> None:
    state, first = decide(OPEN, report("a"), TERMS, 1.0)
    assert first.exposure == 1000
    state, second = decide(state, report("b"), TERMS, 1.0)
    assert second.exposure == 0
    state, less = decide(state, report("a", obeys=first.number), TERMS, 2.0)
    assert less.exposure == 500
    state, second = decide(state, report("b"), TERMS, 2.0)
    assert second.exposure == 0
    state, _ = decide(state, report("a", obeys=less.number), TERMS, 3.0)
    state, second = decide(state, report("b"), TERMS, 3.0)
    assert second.exposure == 500


def test_what_is_wanted_moves_from_those_who_do_not_use_it() -> None:
    state, first = decide(OPEN, report("a"), TERMS, 1.0)
    for now in (2.0, 3.0, 4.0):
        state, first = decide(state, report("a", "100", obeys=first.number), TERMS, now)
        state, second = decide(state, report("b", "0", wanted_exposure=Decimal(700)), TERMS, now)
    assert second.exposure is not None
    assert second.exposure >= 700
    assert first.exposure == 200


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State(epoch="first", grants_from=None)),
        ({}, State(epoch="first", grants_from=5.0)),
        ({"left_behind_time": None}, OPEN),
        ({"sole_until": 1.0}, OPEN),
        ({"left_behind": {"gone": Remains(None, ZERO)}}, OPEN),
        ({"left_behind": {"gone": Remains(ZERO, None)}}, OPEN),
        ({"manual": Remains(None, None)}, OPEN),
    ],
)
def test_nothing_grows_while_something_is_unknown(changes: dict[str, object], state: State) -> None:
    _, lease = decide(state, report("a", "40"), terms_with(**changes), 1.0)
    assert lease.exposure == 40
    assert lease.reason
    assert find_room(state, terms_with(**changes), 1.0) == 0


def test_what_stopped_algorithms_and_people_hold_counts() -> None:
    terms = terms_with(
        left_behind={"gone": Remains(Decimal(300), Decimal(-20))}, manual=Remains(Decimal(100), Decimal(-30))
    )
    state, lease = decide(OPEN, report("a"), terms, 1.0)
    assert lease.exposure == 600
    assert lease.loss == 50
    assert find_room(state, terms, 1.0) == 0


def test_an_algorithm_that_reports_counts_by_its_report_and_not_by_the_ledger() -> None:
    terms = terms_with(left_behind={"algorithm-a": Remains(Decimal(300), Decimal(-20))})
    _, lease = decide(OPEN, report("a", "300", day_result=Decimal(-20)), terms, 1.0)
    assert lease.exposure == 1000
    assert lease.loss == 100


def test_a_holder_that_fell_silent_counts_for_all_its_lease_until_the_ledger_or_its_successor_speaks() -> None:
    state, lease = decide(OPEN, report("a"), TERMS, 1.0)
    over = 1.0 + LEASE_SECONDS + MARGIN_SECONDS
    state, second = decide(state, report("b"), TERMS, over + 60)
    assert second.exposure == 0
    settled = terms_with(left_behind_time=over + SETTLE_SECONDS + 1, left_behind={"algorithm-a": Remains(ZERO, ZERO)})
    assert decide(state, report("b"), settled, over + 200)[1].exposure == 1000
    state, successor = decide(state, report("a", "10", instance="2"), TERMS, over + 61)
    assert successor.exposure is not None
    state, second = decide(state, report("b"), TERMS, over + 61)
    assert lease.exposure == 1000
    assert second.exposure == 1000 - successor.exposure


def test_who_says_good_bye_counts_until_the_ledger_was_read_again() -> None:
    state, lease = decide(OPEN, report("a"), TERMS, 1.0)
    state, _ = decide(state, report("a", "30", obeys=lease.number, leaving=True), TERMS, 2.0)
    assert decide(state, report("b"), TERMS, 2.5)[1].exposure == 970
    read = terms_with(left_behind_time=3.0, left_behind={"algorithm-a": Remains(Decimal(30), ZERO)})
    state, second = decide(state, report("b"), read, 3.0)
    assert second.exposure == 970
    assert len(state.holders) == 1


def test_a_copy_of_an_older_report_is_refused() -> None:
    older, newer = report("a", "100"), report("a", "900")
    state, _ = decide(OPEN, newer, TERMS, 1.0)
    for copy in (older, newer):
        with pytest.raises(StaleReportError):
            decide(state, copy, TERMS, 2.0)


def test_the_loss_of_one_is_the_loss_of_all() -> None:
    state, _ = decide(OPEN, report("a", day_result=Decimal(-150)), TERMS, 1.0)
    _, lease = decide(state, report("b", day_result=Decimal(5)), TERMS, 1.0)
    assert lease.loss == -50


def test_a_manual_order_that_found_no_room_gets_it_from_the_next_leases() -> None:
    state, lease = decide(OPEN, report("a"), TERMS, 1.0)
    wanting = terms_with(manual_wanted=Decimal(400))
    state, lease = decide(state, report("a", obeys=lease.number), wanting, 2.0)
    assert find_room(state, wanting, 2.0) == 0
    state, lease = decide(state, report("a", obeys=lease.number), wanting, 3.0)
    assert find_room(state, wanting, 3.0) == 400


def test_orders_are_shared_by_who_wants_them_and_never_more_than_there_are() -> None:
    state, now = OPEN, 1.0
    leases: dict[str, Lease] = {}
    for _ in range(20):
        now += 1.0
        for uid in "abcde":
            used = leases[uid].orders if uid in leases and uid != "e" else 0
            said = report(
                uid, obeys=leases[uid].number if uid in leases else 0, orders=used, wanted_orders=used + 30
            )  # fmt: skip
            if uid == "e":
                said = msgspec.structs.replace(said, wanted_orders=0)
            state, leases[uid] = decide(state, said, TERMS, now)
            assert sum(holder.count_orders(now) for holder in state.holders.values()) <= 40 + len(state.holders)
    assert [leases[uid].orders for uid in "abcde"] == [9, 9, 9, 9, 1]


def test_without_limits_only_orders_are_shared_and_the_silent_are_forgotten() -> None:
    terms = terms_with(max_exposure=None, max_daily_loss=None, left_behind_time=None)
    state, lease = decide(State(epoch="first", grants_from=None), report("a"), terms, 1.0)
    assert (lease.exposure, lease.loss, lease.reason, lease.orders) == (None, None, None, 20)
    state, _ = decide(state, report("b"), terms, 1.0 + LEASE_SECONDS + MARGIN_SECONDS + WINDOW_SECONDS + 1)
    assert len(state.holders) == 1


def test_a_newcomer_gets_orders_at_once() -> None:
    state, first = decide(State(epoch="first", grants_from=None), report("a"), TERMS, 1.0)
    state, second = decide(state, report("b"), TERMS, 1.1)
    assert (first.orders, second.orders) == (20, 13)
    _, third = decide(state, report("c"), TERMS, 1.2)
    assert third.orders == 7


def test_a_lease_made_under_a_higher_limit_is_not_used() -> None:
    held = HeldLease()
    assert held.judge(AccountLimits(), 0.0, None).error
    _, lease = decide(OPEN, report("a"), TERMS, 1.0)
    held.take(lease, 10.0)
    lowered = AccountLimits(max_exposure=Decimal(999), max_daily_loss=Decimal(100))
    raised = AccountLimits(max_exposure=Decimal(2000), max_daily_loss=Decimal(100))
    assert held.judge(lowered, 11.0, None).error
    assert held.judge(raised, 11.0, None).error is None
    assert held.judge(raised, 11.0, None).exposure == 1000
    assert held.judge(raised, 10.0 + LEASE_SECONDS, "nobody answers").error == "nobody answers"


def test_a_fair_division() -> None:
    assert divide_fairly(Decimal(10), [Decimal(2), Decimal(9), Decimal(9)]) == [2, 4, 4]
    assert divide_fairly(Decimal(10), [Decimal(1), ZERO]) == [1, 0]


@pytest.mark.parametrize(("sole_seconds", "most"), [(SOLE_SECONDS, 1000), (math.inf, 2000)])
def test_a_giver_cut_off_from_the_ledger_has_stopped_when_the_next_one_begins(sole_seconds: float, most: int) -> None:
    """The first giver hears of PostgreSQL for the last time at 0; once the second one grants, both algorithms buy."""
    begins = left_behind.HELD_SECONDS + LEASE_SECONDS + MARGIN_SECONDS
    givers = {"a": OPEN, "b": State(epoch="first", grants_from=begins)}
    held, used = {"a": HeldLease(), "b": HeldLease()}, {"a": ZERO, "b": ZERO}
    for now in map(float, range(1, 60)):
        terms = {
            "a": terms_with(max_daily_loss=None, sole_until=sole_seconds),
            "b": terms_with(
                max_daily_loss=None, left_behind_time=now, left_behind={"algorithm-a": Remains(used["a"], ZERO)}
            ),
        }
        for uid in "ba":
            lease = held[uid].find(now)
            said = report(uid, str(used[uid]), wanted_exposure=Decimal(1000), obeys=lease.number if lease else 0)
            givers[uid], answer = decide(givers[uid], said, terms[uid], now)
            held[uid].take(answer, now)
            share = held[uid].judge(AccountLimits(max_exposure=TERMS.max_exposure), now, None)
            if now >= begins and share.error is None and share.exposure is not None:
                used[uid] = max(used[uid], share.exposure)
    assert used["b"] == 1000
    assert sum(used.values()) == most


class Side:
    """One algorithm's process as the world knows it."""

    def __init__(self, name: str, instance: int) -> None:
        self.name, self.instance = name, str(instance)
        self.held = HeldLease()
        self.exposure = ZERO
        self.alive = True
        # The request on its way: the report, when it was sent, and its answer once there is one.
        self.request: tuple[Report, float] | None = None
        self.answer: Lease | None = None


class Sharing(RuleBasedStateMachine):
    """Holders, a giver that restarts, a network that loses, delays and repeats, and limits that change for each."""

    @initialize()
    def begin(self) -> None:
        """Two algorithms run."""
        self.now = 100.0
        self.limit = Decimal(1000)
        self.epoch = 0
        self.state = State(epoch="0", grants_from=self.now)
        self.sides = [Side("a", 0), Side("b", 0)]
        self.gone: dict[str, Decimal] = {}
        self.read: tuple[float, dict[str, Remains]] = (self.now, {})
        self.copies: list[Report] = []

    def terms(self) -> Terms:
        """Return what the giver knows."""
        return terms_with(
            max_exposure=self.limit, max_daily_loss=None, left_behind_time=self.read[0], left_behind=self.read[1]
        )

    def usable(self, side: Side) -> Decimal:
        """Return the most the side may have without another word."""
        lease = self.held_by(side)
        return max(side.exposure, lease or ZERO)

    def held_by(self, side: Side) -> Decimal | None:
        """Return what its lease allows at this moment."""
        share = side.held.judge(AccountLimits(max_exposure=self.limit), self.now, None)
        return share.exposure if side.alive and share.error is None else None

    @rule(index=st.integers(0, 9), wanted=st.integers(0, 1500))
    def send(self, index: int, wanted: int) -> None:
        """A process reports, unless an answer is still awaited."""
        side = self.sides[index % len(self.sides)]
        if not side.alive or side.request is not None:
            return
        lease = side.held.find(self.now)
        said = report(
            side.name, str(side.exposure), instance=side.instance, wanted_exposure=Decimal(wanted),
            epoch=lease.epoch if lease else "", obeys=lease.number if lease else 0,
        )  # fmt: skip
        side.request, side.answer = (said, self.now), None

    @rule(index=st.integers(0, 9))
    def arrive(self, index: int) -> None:
        """The report reaches the giver, however late."""
        side = self.sides[index % len(self.sides)]
        if side.request is None or side.answer is not None:
            return
        self.copies.append(side.request[0])
        self.state, side.answer = decide(self.state, side.request[0], self.terms(), self.now)

    @rule(index=st.integers(0, 9))
    def come_back(self, index: int) -> None:
        """The answer reaches the process."""
        side = self.sides[index % len(self.sides)]
        if side.request is not None and side.answer is not None and side.alive:
            side.held.take(side.answer, side.request[1])
            side.request = side.answer = None

    @rule(index=st.integers(0, 9))
    def give_up(self, index: int) -> None:
        """The process waits no longer; what is on its way is lost."""
        side = self.sides[index % len(self.sides)]
        side.request = side.answer = None

    @precondition(lambda self: self.copies)
    @rule(index=st.integers(0, 99))
    def repeat(self, index: int) -> None:
        """Somebody sends a copy of a report."""
        said = self.copies[index % len(self.copies)]
        key = (said.uid, said.instance)
        if key in self.state.holders and said.sent_ns <= self.state.holders[key].report.sent_ns:
            with pytest.raises(StaleReportError):
                decide(self.state, said, self.terms(), self.now)

    @rule(index=st.integers(0, 9), part=st.integers(1, 100))
    def grow(self, index: int, part: int) -> None:
        """An order goes out, as large as the lease allows or smaller."""
        side = self.sides[index % len(self.sides)]
        allowed = self.held_by(side)
        if allowed is not None and allowed > side.exposure:
            side.exposure += (allowed - side.exposure) * part / 100
            total = sum((each.exposure for each in self.sides), sum(self.gone.values(), ZERO))
            assert total <= self.limit

    @rule(index=st.integers(0, 9), part=st.integers(0, 100))
    def shrink(self, index: int, part: int) -> None:
        """A position is reduced."""
        side = self.sides[index % len(self.sides)]
        if side.alive:
            side.exposure = side.exposure * part / 100

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 6.5, 130.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds

    @rule()
    def read_ledger(self) -> None:
        """The giver reads what everybody holds."""
        held = {f"algorithm-{side.name}": side.exposure for side in self.sides}
        held |= {f"algorithm-{name}": exposure for name, exposure in self.gone.items()}
        self.read = (self.now, {name: Remains(exposure, ZERO) for name, exposure in held.items()})

    @rule()
    def restart_giver(self) -> None:
        """The giver forgets everything; its successor waits for older leases to end."""
        self.epoch += 1
        started = self.now + LEASE_SECONDS + MARGIN_SECONDS
        self.state = State(epoch=str(self.epoch), grants_from=started)
        for side in self.sides:
            side.request = side.answer = None

    @rule(index=st.integers(0, 9))
    def restart_side(self, index: int) -> None:
        """A process dies and its successor knows what it held, but not its lease."""
        side = self.sides[index % len(self.sides)]
        fresh = Side(side.name, int(side.instance) + 1)
        fresh.exposure = side.exposure
        self.sides[self.sides.index(side)] = fresh

    @precondition(lambda self: len(self.sides) > 1)
    @rule(index=st.integers(0, 9))
    def die(self, index: int) -> None:
        """A process dies for good; what it held stays."""
        side = self.sides.pop(index % len(self.sides))
        self.gone[side.name] = side.exposure

    @precondition(lambda self: len(self.sides) < 4)
    @rule()
    def join(self) -> None:
        """A new algorithm starts."""
        self.sides.append(Side(f"n{next(_sent)}", 0))

    @rule(limit=st.sampled_from([200, 600, 1000, 1500]))
    def change_limit(self, limit: int) -> None:
        """The limit is raised or lowered."""
        self.limit = Decimal(limit)

    @invariant()
    def leases_fit(self) -> None:
        """What everybody may have by lease, with what is held without one, stays within the limit if use does."""
        used = sum((side.exposure for side in self.sides), sum(self.gone.values(), ZERO))
        most = sum((self.usable(side) for side in self.sides), sum(self.gone.values(), ZERO))
        assert most <= max(self.limit, used)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
