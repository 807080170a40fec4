"""Trailing stops, lists, amendments and replacements through a real sidecar on a real paper exchange."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from stockade_wire.messages import AmendRejected, OrderEvent, OrderLeg, OrderListReply, Welcome
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import FINAL, Algorithm, PaperExchange, Sidecar
from tests.support.waiting import wait_until


@pytest.fixture
def falling(paper: PaperExchange) -> Iterator[None]:
    """Let prices fall."""
    paper.choose_regime("crash")
    yield
    paper.choose_regime("usual")


def take_profit(price: Decimal) -> OrderLeg:
    return OrderLeg("LIMIT_MAKER", f"{price:.2f}")


def stop_loss(price: Decimal) -> OrderLeg:
    return OrderLeg("STOP_LOSS_LIMIT", f"{price * Decimal('0.99'):.2f}", f"{price:.2f}", "GTC")


def submit_bracket(algorithm: Algorithm, sidecar: Sidecar, quantity: str = "0.002") -> OrderListReply:
    """Submit an OCO far away from the market on both sides."""
    price = sidecar.paper.last_price()
    reply = algorithm.submit_oco("SELL", quantity, take_profit(price * 2), stop_loss(price / 2))
    assert reply.denied is None, reply
    return reply


def wait_for_both(algorithm: Algorithm, reply: OrderListReply, *states: str) -> list[OrderEvent]:
    return [algorithm.wait_for_state(name, *states) for name in reply.client_order_ids]


# --- Conditional orders and makers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "side", "stop", "limit"),
    [
        ("STOP_LOSS", "SELL", "0.6", None),
        ("STOP_LOSS", "BUY", "1.4", None),
        ("STOP_LOSS_LIMIT", "SELL", "0.6", "0.59"),
        ("STOP_LOSS_LIMIT", "BUY", "1.4", "1.41"),
        ("TAKE_PROFIT", "SELL", "1.4", None),
        ("TAKE_PROFIT", "BUY", "0.6", None),
        ("TAKE_PROFIT_LIMIT", "SELL", "1.4", "1.39"),
        ("TAKE_PROFIT_LIMIT", "BUY", "0.6", "0.61"),
        ("LIMIT_MAKER", "SELL", None, "1.4"),
        ("LIMIT_MAKER", "BUY", None, "0.6"),
    ],
)
def test_each_type_rests_at_the_exchange_as_it_was_meant(
    shared: Sidecar, kind: str, side: str, stop: str | None, limit: str | None
) -> None:
    algorithm = shared.connect()
    market = shared.paper.last_price()
    stop_price, price = (f"{market * Decimal(part):.2f}" if part else None for part in (stop, limit))
    reply = algorithm.submit(side, "0.002", price, type=kind, stop_price=stop_price)
    assert reply.denied is None, reply
    accepted = algorithm.wait_for_state(reply.client_order_id, *FINAL, "ACCEPTED")
    assert (accepted.state, accepted.type, accepted.side, accepted.reason) == ("ACCEPTED", kind, side, None)
    order = shared.exchange_orders()[str(reply.client_order_id)]
    assert (order["type"], order["side"], Decimal(order["origQty"])) == (kind, side, Decimal("0.002"))
    assert [Decimal(order["price"]), Decimal(order["stopPrice"])] == [Decimal(price or 0), Decimal(stop_price or 0)]
    algorithm.cancel(str(reply.client_order_id))
    algorithm.wait_for_state(reply.client_order_id, "CANCELED")
    algorithm.close()


@pytest.mark.usefixtures("falling")
@pytest.mark.parametrize(("kind", "part"), [("TAKE_PROFIT", None), ("TAKE_PROFIT_LIMIT", "1.01")])
def test_a_take_profit_fires_when_its_price_is_reached(shared: Sidecar, kind: str, part: str | None) -> None:
    algorithm = shared.connect()
    market = shared.paper.last_price()
    price = f"{market * Decimal(part):.2f}" if part else None
    reply = algorithm.submit("BUY", "0.002", price, type=kind, stop_price=f"{market * Decimal('0.9995'):.2f}")
    assert reply.denied is None, reply
    assert algorithm.wait_for_state(reply.client_order_id, *FINAL).state == "FILLED"
    algorithm.close()


def test_a_maker_that_would_take_is_rejected_in_words(shared: Sidecar) -> None:
    algorithm = shared.connect()
    reply = algorithm.submit("BUY", "0.002", f"{shared.paper.last_price() * Decimal('1.02'):.2f}", type="LIMIT_MAKER")
    assert reply.denied is None, reply
    assert "immediately match" in str(algorithm.wait_for_state(reply.client_order_id, *FINAL).reason)
    assert shared.exchange_orders().get(str(reply.client_order_id), {}).get("status") in (None, "REJECTED")
    algorithm.close()


# --- Trailing ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("falling")
def test_a_trailing_stop_follows_the_market_and_fires(shared: Sidecar) -> None:
    algorithm = shared.connect()
    bought = algorithm.submit("BUY", "0.002")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    reply = algorithm.submit("SELL", "0.0019", type="STOP_LOSS", trailing_delta=10)
    assert reply.denied is None
    accepted = algorithm.wait_for_state(reply.client_order_id, "ACCEPTED", "PARTIALLY_FILLED", "FILLED")
    assert accepted.trailing_delta == 10
    filled = algorithm.wait_for_state(reply.client_order_id, "FILLED")
    assert (filled.filled_quantity, filled.type, filled.stop_price) == ("0.0019", "STOP_LOSS", None)
    shared.wait_for_same_books()
    algorithm.close()


def test_a_trailing_stop_outside_the_exchanges_bounds_never_leaves_the_pod(shared: Sidecar) -> None:
    algorithm = shared.connect()
    before = len(shared.exchange_orders())
    assert algorithm.submit("SELL", "0.002", type="STOP_LOSS", trailing_delta=9).denied == "FILTER_VIOLATED"
    assert algorithm.submit("BUY", "0.002", type="MARKET", trailing_delta=50).denied == "INVALID_ORDER"
    assert algorithm.submit("SELL", "0.002", type="STOP_LOSS").denied == "INVALID_ORDER"
    assert len(shared.exchange_orders()) == before
    algorithm.close()


# --- Lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("falling")
def test_one_order_of_a_list_fills_and_the_other_expires(shared: Sidecar) -> None:
    algorithm = shared.connect()
    price = shared.paper.last_price()
    reply = algorithm.submit_oco("SELL", "0.002", take_profit(price * 2), stop_loss(price * Decimal("0.9995")))
    assert reply.denied is None
    above, below = (algorithm.wait_for_state(name, *FINAL) for name in reply.client_order_ids)
    assert (above.state, below.state, below.filled_quantity) == ("EXPIRED", "FILLED", "0.002")
    assert (above.reason, above.list_id) == ("OCO_TRIGGER", reply.list_id)
    orders = shared.exchange_orders()
    assert [orders[name]["status"] for name in reply.client_order_ids] == ["EXPIRED", "FILLED"]
    shared.wait_for_same_books()
    algorithm.close()


@pytest.mark.parametrize("by_list", [True, False])
def test_cancelling_a_list_or_one_order_of_it_cancels_both(shared: Sidecar, *, by_list: bool) -> None:
    algorithm = shared.connect()
    reply = submit_bracket(algorithm, shared)
    wait_for_both(algorithm, reply, "ACCEPTED")
    assert set(reply.client_order_ids) <= shared.exchange_open_orders()
    assert algorithm.cancel(reply.list_id if by_list else reply.client_order_ids[1]).denied is None
    wait_for_both(algorithm, reply, "CANCELED")
    assert not set(reply.client_order_ids) & shared.exchange_open_orders()
    assert algorithm.cancel(reply.list_id).denied == "INVALID_ORDER"
    algorithm.close()


def test_a_list_that_the_exchange_refuses_is_rejected_whole(shared: Sidecar) -> None:
    algorithm = shared.connect()
    price = shared.paper.last_price()
    reply = algorithm.submit_oco("SELL", "0.002", take_profit(price * 3), stop_loss(price * 2))
    assert reply.denied is None
    for event in wait_for_both(algorithm, reply, "REJECTED"):
        assert "relationship of the prices" in str(event.reason)
    assert shared.status()["openOrders"] == len(shared.exchange_open_orders())
    algorithm.close()


def test_a_lists_order_counts_once_for_the_position_and_twice_as_open(shared: Sidecar) -> None:
    algorithm = shared.connect()
    algorithm.cancel_all()
    shared.wait_for_status("no open order", lambda status: status["openOrders"] == 0)
    held = Decimal(shared.status()["positionNotional"])
    price = shared.paper.last_price()
    # Room for one order of that size, not for two.
    limits = {"maxPositionNotional": str((held + price / 2).quantize(Decimal(1))), "maxOpenOrders": 2}
    shared.apply_control(limits=limits)
    reply = submit_bracket(algorithm, shared, "0.1")
    wait_for_both(algorithm, reply, "ACCEPTED")
    assert algorithm.submit("BUY", "0.001", "30000").denied == "TOO_MANY_OPEN_ORDERS"
    limits["maxOpenOrders"] = 1
    shared.apply_control(limits=limits)
    algorithm.cancel(reply.list_id)
    wait_for_both(algorithm, reply, "CANCELED")
    denied = algorithm.submit_oco("SELL", "0.1", take_profit(price * 2), stop_loss(price / 2))
    assert denied.denied == "TOO_MANY_OPEN_ORDERS"
    assert not set(denied.client_order_ids) & set(shared.exchange_orders())
    algorithm.close()


def test_a_list_whose_answer_was_lost_is_found_out_and_not_sent_again(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    sidecar.paper.arm("disconnect-after-order")
    reply = submit_bracket(algorithm, sidecar)
    wait_for_both(algorithm, reply, "ACCEPTED")
    assert set(sidecar.exchange_orders()) == set(reply.client_order_ids)
    # A killed gateway knows both from its journal, and that they are one list.
    sidecar.kill()
    algorithm.close()
    sidecar.start()
    again = sidecar.connect()
    welcomed = again.wait_for(Welcome).open_orders
    assert {order.list_id for order in welcomed} == {reply.list_id}
    assert {order.client_order_id for order in welcomed} == set(reply.client_order_ids)
    assert again.cancel(reply.list_id).denied is None
    wait_for_both(again, reply, "CANCELED")
    assert sidecar.exchange_open_orders() == set()
    again.close()


# --- Amendments and replacements --------------------------------------------------------------------------------------


def test_an_order_is_amended_and_keeps_its_id(shared: Sidecar) -> None:
    algorithm = shared.connect()
    reply = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    assert algorithm.amend(reply.client_order_id, "0.01").denied == "INVALID_ORDER"
    assert algorithm.amend(reply.client_order_id, "0.0040001").denied == "FILTER_VIOLATED"
    assert algorithm.amend(reply.client_order_id, "0.004").denied is None
    amended = algorithm.wait_for(OrderEvent, lambda e: e.quantity == "0.004")
    assert (amended.client_order_id, amended.state) == (reply.client_order_id, "ACCEPTED")
    order = shared.exchange_orders()[str(reply.client_order_id)]
    assert (Decimal(order["origQty"]), order["status"]) == (Decimal("0.004"), "NEW")
    algorithm.cancel(str(reply.client_order_id))
    cancelled = algorithm.wait_for_state(reply.client_order_id, "CANCELED")
    assert cancelled.quantity == "0.004"
    algorithm.close()


def test_an_amendment_that_the_exchange_refuses_is_told_and_changes_nothing(shared: Sidecar) -> None:
    algorithm = shared.connect()
    price = shared.paper.last_price()
    reply = algorithm.submit(
        "SELL", "0.01", f"{price / 2:.2f}", type="STOP_LOSS_LIMIT", stop_price=f"{price / 2:.2f}", time_in_force="GTC"
    )
    algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    assert algorithm.amend(reply.client_order_id, "0.004").denied is None
    refusal = algorithm.wait_for(AmendRejected)
    assert (refusal.client_order_id, "-2038" in refusal.reason) == (reply.client_order_id, True)
    assert Decimal(shared.exchange_orders()[str(reply.client_order_id)]["origQty"]) == Decimal("0.01")
    algorithm.cancel(str(reply.client_order_id))
    assert algorithm.wait_for_state(reply.client_order_id, "CANCELED").quantity == "0.01"
    algorithm.close()


def replace_resting(algorithm: Algorithm, new: OrderLeg, quantity: str = "0.01") -> tuple[str, str]:
    """Place an order that rests, replace it, and return both ids."""
    old = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(old.client_order_id, "ACCEPTED")
    reply = algorithm.replace(old.client_order_id, quantity, new)
    assert reply.denied is None, reply
    return str(old.client_order_id), str(reply.client_order_id)


def test_an_order_is_replaced_by_another(shared: Sidecar) -> None:
    algorithm = shared.connect()
    old, new = replace_resting(algorithm, OrderLeg("LIMIT", "31000", time_in_force="GTC"))
    algorithm.wait_for_state(old, "CANCELED")
    assert algorithm.wait_for_state(new, "ACCEPTED").price == "31000"
    assert shared.exchange_open_orders() & {old, new} == {new}
    algorithm.cancel(new)
    algorithm.wait_for_state(new, "CANCELED")
    algorithm.close()


def test_a_replacement_that_succeeds_by_half_leaves_no_order(shared: Sidecar) -> None:
    """-2021: the cancel went through, the new order did not."""
    algorithm = shared.connect()
    old, new = replace_resting(algorithm, OrderLeg("LIMIT", "40000", time_in_force="GTC"), quantity="80")
    algorithm.wait_for_state(old, "CANCELED")
    assert "insufficient balance" in str(algorithm.wait_for_state(new, "REJECTED").reason)
    assert not shared.exchange_open_orders() & {old, new}
    algorithm.close()


def test_an_order_that_is_gone_is_not_replaced(shared: Sidecar) -> None:
    """-2022: the cancel failed, so the new order was not even tried."""
    algorithm = shared.connect()
    old = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(old.client_order_id, "ACCEPTED")
    shared.paper.arm("lose-user-events", count=20)
    order = shared.exchange_orders()[str(old.client_order_id)]
    shared.paper.call("POST", f"/paper/v1/orders/{order['orderId']}/cancel")
    reply = algorithm.replace(old.client_order_id, "0.01", OrderLeg("LIMIT", "31000", time_in_force="GTC"))
    assert "Unknown order" in str(algorithm.wait_for_state(reply.client_order_id, "REJECTED").reason)
    algorithm.wait_for_state(old.client_order_id, "CANCELED")
    assert reply.client_order_id not in shared.exchange_orders()
    shared.paper.call("DELETE", "/paper/v1/faults")
    algorithm.close()


def test_old_and_new_order_both_count_until_it_is_known(shared: Sidecar) -> None:
    algorithm = shared.connect()
    old = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(old.client_order_id, "ACCEPTED")
    shared.apply_control(limits={"maxOpenOrders": shared.status()["openOrders"]})
    terms = OrderLeg("LIMIT", "31000", time_in_force="GTC")
    assert algorithm.replace(old.client_order_id, "0.01", terms).denied == "TOO_MANY_OPEN_ORDERS"
    assert old.client_order_id in shared.exchange_open_orders()
    algorithm.cancel(str(old.client_order_id))
    algorithm.wait_for_state(old.client_order_id, "CANCELED")
    algorithm.close()


def test_a_replacement_whose_answer_was_lost_is_found_out(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    old = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(old.client_order_id, "ACCEPTED")
    sidecar.paper.arm("disconnect-after-order")
    reply = algorithm.replace(old.client_order_id, "0.01", OrderLeg("LIMIT", "31000", time_in_force="GTC"))
    algorithm.wait_for_state(old.client_order_id, "CANCELED")
    algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    assert sidecar.exchange_open_orders() == {reply.client_order_id}
    assert len(sidecar.exchange_orders()) == 2
    wait_until(lambda: sidecar.status()["openOrders"], "one open order", holds=lambda count: count == 1)
    algorithm.close()
