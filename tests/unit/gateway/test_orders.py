"""The orders' state machine: any order of reports, any repetition, one outcome."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_gateway.orders import Change, Execution, Order, OrderReport, Orders, OrderState, Refusal
from tests.support.gateway_orders import PREFIX, make_execution, make_order, make_report

ORDER = f"{PREFIX}1"


def make_orders() -> Orders:
    orders = Orders(PREFIX)
    orders.add(make_order())
    return orders


def apply_all(reports: list[OrderReport]) -> Orders:
    orders = make_orders()
    for report in reports:
        orders.apply(report)
    return orders


def state_of(orders: Orders) -> OrderState:
    order = orders.get(ORDER)
    assert order is not None
    return order.state


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        ([make_report("NEW")], OrderState.ACCEPTED),
        (
            [make_report("NEW"), make_report("PARTIALLY_FILLED", "0.4", make_execution(1, "0.4"))],
            OrderState.PARTIALLY_FILLED,
        ),
        ([make_report("FILLED", "1", make_execution(1, "1"))], OrderState.FILLED),
        ([make_report("NEW"), make_report("CANCELED")], OrderState.CANCELED),
        ([make_report("EXPIRED")], OrderState.EXPIRED),
        ([make_report("EXPIRED_IN_MATCH")], OrderState.EXPIRED),
        ([make_report("REJECTED")], OrderState.REJECTED),
    ],
)
def test_reports_lead_to_the_state_they_name(reports: list[OrderReport], state: OrderState) -> None:
    assert state_of(apply_all(reports)) is state


def test_every_order_of_the_same_reports_ends_the_same() -> None:
    reports = [
        make_report("NEW"),
        make_report("PARTIALLY_FILLED", "0.4", make_execution(1, "0.4")),
        make_report("FILLED", "1", make_execution(2, "0.6")),
    ]
    for shuffled in permutations(reports):
        orders = apply_all(list(shuffled))
        order = orders.get(ORDER)
        assert order is not None
        assert (order.state, order.filled_quantity, order.filled_quote) == (OrderState.FILLED, Decimal(1), Decimal(100))


REPORTS = [
    make_report("NEW"),
    make_report("PARTIALLY_FILLED", "0.3", make_execution(1, "0.3")),
    make_report("PARTIALLY_FILLED", "0.5", make_execution(2, "0.2")),
    make_report("PARTIALLY_FILLED", "0.5"),
    make_report("CANCELED", "0.5"),
]


@given(st.permutations(REPORTS), st.lists(st.sampled_from(REPORTS), max_size=8))
def test_repeated_and_late_reports_change_nothing(once: list[OrderReport], again: list[OrderReport]) -> None:
    orders = apply_all([*again, *once])
    order = orders.get(ORDER)
    assert order is not None
    assert (order.state, order.filled_quantity) == (OrderState.CANCELED, Decimal("0.5"))
    assert orders.open_count == 0
    for report in REPORTS:
        assert orders.apply(report) == []


@given(st.lists(st.sampled_from([*REPORTS, make_report("FILLED", "1", make_execution(3, "0.5"))]), max_size=12))
def test_filled_quantity_never_falls_and_a_final_order_stays_final(reports: list[OrderReport]) -> None:
    orders = make_orders()
    filled, final = Decimal(0), False
    for report in reports:
        orders.apply(report)
        order = orders.get(ORDER)
        assert order is not None
        assert order.filled_quantity >= filled
        # The only way on from a final state is to the fill that was under way when the end was told.
        assert order.is_final or not final or order.lacks_executions
        filled, final = order.filled_quantity, order.is_final


def test_an_end_waits_for_the_executions_before_it() -> None:
    orders = apply_all([make_report("FILLED", "1")])
    order = orders.get(ORDER)
    assert order is not None
    assert (order.state, order.lacks_executions, orders.open_count) == (OrderState.ACCEPTED, True, 1)
    change = orders.apply_execution(make_execution(9, "1"))
    assert change is not None
    assert change.order.state is OrderState.FILLED


def test_an_execution_is_counted_once_by_its_trade_id() -> None:
    orders = make_orders()
    assert orders.apply_execution(make_execution(5, "0.2")) is not None
    assert orders.apply_execution(make_execution(5, "0.2")) is None
    order = orders.get(ORDER)
    assert order is not None
    assert order.filled_quantity == Decimal("0.2")


def test_two_orders_of_ours_may_meet_in_one_trade() -> None:
    orders = make_orders()
    orders.add(make_order(2, side="SELL"))
    assert orders.apply_execution(make_execution(5, "1")) is not None
    assert orders.apply_execution(make_execution(5, "1", number=2, side="SELL")) is not None
    assert orders.open_count == 0


def test_foreign_orders_are_left_alone() -> None:
    orders = make_orders()
    for client_order_id in ("x-HNA2TXFJ1234", "skm-7", "web_1"):
        report = make_report("NEW", client_order_id=client_order_id)
        assert orders.apply(report) == []
        assert orders.get(client_order_id) is None


def test_an_unknown_order_of_ours_is_adopted() -> None:
    orders = make_orders()
    changes = orders.apply(make_report("NEW", number=9))
    assert [change.order.state for change in changes] == [OrderState.ACCEPTED]
    assert orders.open_count == 2


def test_a_rejection_that_was_only_presumed_gives_way_to_the_order_itself() -> None:
    orders = make_orders()
    rejection = orders.reject(ORDER, "it never reached the exchange", 2_000_000_000)
    assert rejection is not None
    assert rejection.order.state is OrderState.REJECTED
    orders.apply(make_report("NEW"))
    assert state_of(orders) is OrderState.ACCEPTED


def test_a_cancel_that_fails_leaves_the_order_as_it_was() -> None:
    orders = apply_all([make_report("NEW")])
    orders.request_cancel(ORDER, 2_000_000_000)
    assert state_of(orders) is OrderState.PENDING_CANCEL
    orders.withdraw_cancel(ORDER, 3_000_000_000)
    assert state_of(orders) is OrderState.ACCEPTED


def test_sequences_count_up_by_one() -> None:
    orders = make_orders()
    changes = [change for report in REPORTS for change in orders.apply(report)]
    assert [change.order.sequence for change in changes] == list(range(1, len(changes) + 1))


def test_forgotten_orders_do_not_come_back() -> None:
    orders = Orders(PREFIX)
    for number in range(1, 6):
        orders.add(make_order(number))
        orders.apply(make_report("FILLED", "1", make_execution(number, "1", number=number), number=number))
    orders.add(make_order(6))
    assert orders.forget_closed(before_ns=0, keep=2) == 3
    assert len(orders) == 3
    late: Execution = make_execution(1, "1")
    assert orders.apply(make_report("FILLED", "1", late)) == []
    assert orders.get(ORDER) is None
    assert orders.apply(make_report("FILLED", "1", number=3)) == [], "the newest of those forgotten neither"
    assert (orders.forgotten_number, orders.highest_number()) == (3, 6)
    assert orders.open_count == 1


# --- What a changed line of `orders.py` would otherwise get away with (make mutants) ----------------------------------


def only_order(orders: Orders) -> Order:
    (order,) = orders.all()
    return order


@pytest.mark.parametrize(
    "record", [make_execution(1, "1"), make_report("NEW"), Change(make_order()), Refusal(make_order(), "no")]
)
def test_what_was_heard_and_told_can_not_be_changed(record: msgspec.Struct) -> None:
    with pytest.raises(AttributeError):
        setattr(record, record.__struct_fields__[0], "another")


def test_times_are_the_exchanges_in_nanoseconds() -> None:
    orders = make_orders()
    (change,) = orders.apply(make_report("NEW", event_time_ms=1_700_000_000_123))
    assert change.order.updated_time_ns == 1_700_000_000_123_000_000
    execution = make_execution(1, "0.4", trade_time_ms=1_700_000_000_456)
    assert execution.trade_time == datetime(2023, 11, 14, 22, 13, 20, 456000, tzinfo=UTC)
    orders.apply_execution(execution)
    assert only_order(orders).updated_time_ns == 1_700_000_000_456_000_000
    adopting = Orders(PREFIX)
    adopting.apply(make_report("NEW", event_time_ms=1_700_000_000_123))
    adopted = only_order(adopting)
    assert adopted.created_time_ns == adopted.updated_time_ns == adopted.sent_time_ns == 1_700_000_000_123_000_000
    assert adopted.sequence == 1_700_000_000 + 1


def test_what_is_left_and_what_was_paid() -> None:
    orders = make_orders()
    assert only_order(orders).average_price is None
    orders.apply_execution(make_execution(1, "0.25", price="91.5"))
    orders.apply_execution(make_execution(2, "0.5", price="96"))
    order = only_order(orders)
    assert (order.remaining, order.average_price) == (Decimal("0.25"), Decimal("94.5"))


def test_an_execution_shows_that_the_exchange_has_the_order() -> None:
    orders = make_orders()
    orders.apply_execution(make_execution(1, "0.4"))
    assert orders.reject(ORDER, "it never reached the exchange", 2_000_000_000) is None
    order = only_order(orders)
    assert (order.acknowledged, order.end, order.reason) == (True, None, None)


def test_more_than_was_asked_for_is_filled_too() -> None:
    orders = make_orders()
    orders.apply_execution(make_execution(1, "1.5"))
    assert only_order(orders).state is OrderState.FILLED
    assert only_order(orders).remaining == 0


def test_the_first_reason_of_an_end_stays() -> None:
    orders = make_orders()
    assert orders.reject(ORDER, "first", 2_000_000_000) is not None
    assert orders.reject(ORDER, "second", 3_000_000_000) is None
    assert only_order(orders).reason == "first"
    orders = apply_all([make_report("CANCELED", reason="first"), make_report("CANCELED", reason="second")])
    assert only_order(orders).reason == "first"


def test_asking_for_the_same_twice_is_one_step() -> None:
    orders = apply_all([make_report("NEW")])
    assert orders.withdraw_cancel(ORDER, 2_000_000_000) is None
    assert orders.request_cancel(ORDER, 2_000_000_000) is not None
    assert orders.request_cancel(ORDER, 3_000_000_000) is None


def test_what_was_closed_at_the_limit_is_kept_and_nothing_foreign_is_forgotten() -> None:
    orders = make_orders()
    orders.forget("somebody-else")
    assert orders.forgotten_number == -1
    (change,) = orders.apply(make_report("CANCELED"))
    assert orders.forget_closed(before_ns=change.order.updated_time_ns, keep=10) == 0
    assert orders.forget_closed(before_ns=change.order.updated_time_ns + 1, keep=10) == 1
    assert (orders.forgotten_number, orders.highest_number()) == (1, 1)


def test_each_order_counts_once_for_the_last_minute() -> None:
    orders = make_orders()
    orders.add(make_order(2, created_time_ns=3_000_000_000))
    orders.add(make_order(2, created_time_ns=3_000_000_000))
    assert orders.count_newest(1_000_000_000) == 1
    assert orders.count_created_since(0) == 2
    assert orders.count_created_since(1_000_000_000) == 1
