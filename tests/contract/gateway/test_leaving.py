"""What the gateway does when the algorithm stops, dies or falls silent, and what it says came of it."""

import time
from decimal import Decimal

import pytest

from stockade_wire.order_ids import OrderIds
from tests.support.sidecar_process import Algorithm, Sidecar
from tests.support.waiting import wait_until


def trade(sidecar: Sidecar) -> Algorithm:
    """Buy something and leave an order resting."""
    algorithm = sidecar.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    return algorithm


def held_by_the_algorithm(sidecar: Sidecar) -> Decimal:
    orders = sidecar.exchange_orders().values()
    return sum(
        (Decimal(order["executedQty"]) * (1 if order["side"] == "BUY" else -1) for order in orders), start=Decimal(0)
    )


@pytest.mark.parametrize(("action", "open_orders", "held"), [("Keep", 1, "0.003"), ("CancelOrders", 0, "0.003")])
def test_on_stop_does_as_told_and_says_so(sidecar: Sidecar, action: str, open_orders: int, held: str) -> None:
    sidecar.apply_control(onStop=action)
    trade(sidecar).close()
    result = sidecar.stop()
    assert (result["action"], result["result"]) == (action, "Done")
    assert len(sidecar.exchange_open_orders()) == open_orders
    assert held_by_the_algorithm(sidecar) == Decimal(held)


def test_on_stop_flatten_sells_all_that_can_be_sold(sidecar: Sidecar) -> None:
    sidecar.apply_control(onStop="Flatten")
    trade(sidecar).close()
    result = sidecar.stop()
    assert (result["action"], result["result"]) == ("Flatten", "Done"), result
    assert sidecar.exchange_open_orders() == set()
    # The commission was taken from what was bought: what is left is less than one step.
    assert held_by_the_algorithm(sidecar) <= Decimal("0.00001")


def test_flatten_asks_the_exchange_and_cancels_what_it_alone_knows_of(sidecar: Sidecar) -> None:
    sidecar.apply_control(onStop="Flatten")
    trade(sidecar).close()
    sidecar.paper.arm("freeze-user-events", seconds=3600)
    # Of this algorithm by its name, and nobody tells its gateway of it.
    assert sidecar.place_by_hand(OrderIds(sidecar.prefix, time.time_ns() // 1_000_000).next(), "0.001", "30000") == 200
    result = sidecar.stop()
    assert (result["action"], result["result"]) == ("Flatten", "Done"), result
    assert sidecar.exchange_open_orders() == set()


def test_flatten_keeps_still_while_halted(sidecar: Sidecar) -> None:
    trade(sidecar).close()
    sidecar.apply_control(onStop="Flatten", trading="Halted")
    result = sidecar.stop()
    assert (result["result"], "Halted" in result["message"]) == ("Incomplete", True)
    assert sidecar.exchange_open_orders() == set()
    assert held_by_the_algorithm(sidecar) == Decimal("0.003")


@pytest.mark.parametrize(("action", "open_orders"), [("Keep", 1), ("CancelOrders", 0)])
def test_a_dead_algorithms_orders_are_kept_or_cancelled(sidecar: Sidecar, action: str, open_orders: int) -> None:
    algorithm = trade(sidecar)
    sidecar.apply_control(deadMan={"afterSeconds": 1, "action": action})
    algorithm.close()
    status = sidecar.wait_for_status("the dead man's action", lambda status: status["deadMan"] is not None)
    assert (status["deadMan"]["action"], status["deadMan"]["result"]) == (action, "Done")
    assert len(sidecar.exchange_open_orders()) == status["openOrders"] == open_orders
    assert held_by_the_algorithm(sidecar) == Decimal("0.003")
    assert status["algorithmState"] == "Gone"


def test_a_silent_algorithms_position_is_closed(sidecar: Sidecar) -> None:
    algorithm = trade(sidecar)
    sidecar.apply_control(deadMan={"afterSeconds": 1, "action": "Flatten"})
    status = sidecar.wait_for_status("the dead man's action", lambda status: status["deadMan"] is not None)
    assert status["deadMan"]["result"] == "Done", status
    assert held_by_the_algorithm(sidecar) <= Decimal("0.00001")
    algorithm.close()


def test_what_an_algorithm_leaves_at_each_of_its_crashes_is_cancelled(sidecar: Sidecar) -> None:
    trade(sidecar).close()
    sidecar.wait_until_alone()
    for _ in range(2):
        again = sidecar.connect()
        resting = again.submit("BUY", "0.01", "30000")
        again.wait_for_state(resting.client_order_id, "ACCEPTED")
        sidecar.apply_control(deadMan={"afterSeconds": 1, "action": "CancelOrders"})
        again.close()
        wait_until(sidecar.exchange_open_orders, "nothing left in the book", holds=lambda left: not left)
    assert sidecar.status()["deadMan"]["result"] == "Done"


def test_the_dead_man_counts_from_the_gateways_own_start(sidecar: Sidecar) -> None:
    trade(sidecar).close()
    sidecar.kill()
    sidecar.set_control(deadMan={"afterSeconds": 1, "action": "CancelOrders"})
    sidecar.start()
    sidecar.wait_for_status("the dead man's action", lambda status: status["deadMan"] is not None)
    assert sidecar.exchange_open_orders() == set()
