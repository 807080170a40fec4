"""Any order of reports, repeated, late or lost and asked for later, ends the same, for every order type and list."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade_gateway.orders import Order, OrderReport, Orders, OrderState
from tests.support.gateway_orders import PREFIX, make_execution, make_order, make_report
from tests.support.order_lives import LIST_ID, LIVES, Life, make_order_of

ORDER = f"{PREFIX}1"


def begin(life: Life) -> tuple[Orders, Order]:
    orders = Orders(PREFIX)
    order = make_order_of(life)
    orders.add(order)
    return orders, order


def reconcile(orders: Orders, order: Order, life: Life) -> None:
    """Do what reconciliation does: ask for the order, and for its trades when there are more than are known."""
    orders.apply(life.reports[-1])
    if order.lacks_executions:
        for execution in life.executions:
            orders.apply_execution(execution)


def assert_ended(orders: Orders, order: Order, life: Life) -> None:
    assert (order.state, order.quantity, order.filled_quantity) == (life.state, life.quantity, life.filled)
    assert order.filled_quote == life.filled * 100
    assert order.remaining == 0
    assert orders.open_count == 0
    assert orders.sum_open() == {}
    for report in life.reports:
        assert orders.apply(report) == [], "what was heard before is no news"


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
@settings(max_examples=40)
@given(data=st.data())
def test_shuffled_repeated_and_lost_reports_end_the_same(life: Life, data: st.DataObject) -> None:
    heard = data.draw(st.lists(st.sampled_from(life.reports), max_size=2 * len(life.reports)), label="heard")
    orders, order = begin(life)
    steps = []
    for report in heard:
        steps += [change.order.sequence for change in orders.apply(report)]
    assert steps == list(range(1, len(steps) + 1)), "each step has the next number"
    reconcile(orders, order, life)
    assert_ended(orders, order, life)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
@settings(max_examples=20)
@given(data=st.data())
def test_a_restart_in_between_changes_nothing(life: Life, data: st.DataObject) -> None:
    """What the journal holds is the order after each step, and the trades counted."""
    shuffled = data.draw(st.permutations(life.reports), label="shuffled")
    cut = data.draw(st.integers(0, len(shuffled)), label="cut")
    orders, order = begin(life)
    for report in shuffled[:cut]:
        orders.apply(report)
    again = Orders(PREFIX)
    again.add(order)
    for name, trades in orders.trades().items():
        again.restore_trades(name, trades)
    for report in shuffled[cut:]:
        again.apply(report)
    reconcile(again, order, life)
    assert_ended(again, order, life)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_an_order_of_which_nothing_was_kept_is_adopted(life: Life) -> None:
    orders = Orders(PREFIX)
    for report in life.reports:
        orders.apply(report)
    order = orders.get(ORDER)
    assert order is not None
    assert_ended(orders, order, life)
    shown = {name: value for name, value in life.fields.items() if name != "list_id"}
    assert {name: getattr(order, name) for name in shown} == shown


def test_a_smaller_quantity_is_a_step_and_a_larger_one_is_old_news() -> None:
    orders = Orders(PREFIX)
    order = make_order()
    orders.add(order)
    orders.apply(make_report("NEW"))
    (change,) = orders.apply(make_report("NEW", quantity="0.5"))
    assert (change.order.state, change.order.quantity, change.order.sequence) == (
        OrderState.ACCEPTED,
        Decimal("0.5"),
        2,
    )
    assert change.execution is None
    assert orders.apply(make_report("NEW", quantity="1")) == []
    assert orders.apply(make_report("NEW", quantity="0")) == []
    assert order.quantity == Decimal("0.5")


def test_an_order_amended_to_what_was_filled_meanwhile_is_filled() -> None:
    orders = Orders(PREFIX)
    order = make_order()
    orders.add(order)
    orders.apply_execution(make_execution(1, "0.5"))
    (change,) = orders.apply(make_report("PARTIALLY_FILLED", "0.5", quantity="0.5"))
    assert (change.order.state, orders.open_count) == (OrderState.FILLED, 0)


# --- What open orders may still buy and sell --------------------------------------------------------------------------


def add_list(orders: Orders, first: int, side: str = "SELL", quantity: str = "1") -> tuple[Order, Order]:
    legs = [make_order(number, quantity, side, list_id=LIST_ID) for number in (first, first + 1)]
    for leg in legs:
        orders.add(leg)
    return legs[0], legs[1]


def test_of_a_list_one_order_counts() -> None:
    orders = Orders(PREFIX)
    above, below = add_list(orders, 1)
    orders.add(make_order(3, "0.5"))
    orders.add(make_order(4, "0.25", "SELL", symbol="ETHUSDT"))
    assert orders.legs(LIST_ID) == [above, below]
    assert orders.legs("another") == []
    assert orders.open_count == 4
    assert orders.sum_open() == {
        "BTCUSDT": (Decimal("0.5"), Decimal(1)),
        "ETHUSDT": (Decimal(0), Decimal("0.25")),
    }


def test_what_one_order_of_a_list_filled_the_other_can_not() -> None:
    orders = Orders(PREFIX)
    above, _ = add_list(orders, 1)
    orders.apply(make_report("PARTIALLY_FILLED", "0.4", make_execution(1, "0.4", side="SELL")))
    assert orders.sum_open() == {"BTCUSDT": (Decimal(0), Decimal("0.6"))}
    orders.apply(make_report("FILLED", "1", make_execution(2, "0.6", side="SELL")))
    assert (above.state, orders.open_count) == (OrderState.FILLED, 1)
    assert orders.sum_open() == {"BTCUSDT": (Decimal(0), Decimal(0))}


def test_a_list_counts_until_its_last_order_is_closed_and_is_then_forgotten() -> None:
    orders = Orders(PREFIX)
    add_list(orders, 1, "BUY")
    orders.apply(make_report("CANCELED"))
    assert orders.sum_open() == {"BTCUSDT": (Decimal(1), Decimal(0))}
    assert orders.forget_closed(before_ns=2 * 10**18, keep=10) == 1
    assert [leg.client_order_id for leg in orders.legs(LIST_ID)] == [f"{PREFIX}2"]
    orders.apply(make_report("CANCELED", number=2))
    assert orders.sum_open() == {}
    assert orders.forget_closed(before_ns=2 * 10**18, keep=10) == 1
    assert orders.legs(LIST_ID) == []


def test_restoring_an_order_of_a_list_again_keeps_one_of_it() -> None:
    orders = Orders(PREFIX)
    add_list(orders, 1)
    add_list(orders, 1)
    assert len(orders.legs(LIST_ID)) == 2
    assert len(orders) == 2


@pytest.mark.parametrize("report", [make_report("NEW"), make_report("CANCELED")])
def test_reports_about_others_are_nothing_to_us(report: OrderReport) -> None:
    import msgspec

    orders = Orders(PREFIX)
    assert orders.apply(msgspec.structs.replace(report, client_order_id="sk2222222222-1")) == []
    assert len(orders) == 0
