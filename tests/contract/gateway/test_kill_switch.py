"""The account's kill switch: it denies, cancels what is open, and lets no order through behind it."""

import contextlib
import threading
from typing import Any

from stockade_wire.messages import OrderReply, SubmitOrder
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import Algorithm, Sidecar

HALTED = {"trading": "Halted", "limits": None}
ACTIVE = {"trading": "Active", "limits": None}


def place_resting(algorithm: Algorithm, count: int) -> list[str]:
    replies = [algorithm.submit("BUY", "0.001", f"{30000 + number}") for number in range(count)]
    for reply in replies:
        algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    return [str(reply.client_order_id) for reply in replies]


def wait_until_killed(sidecar: Sidecar) -> dict[str, Any]:
    return sidecar.wait_for_status(
        "every order to be cancelled",
        lambda status: status["openOrders"] == 0 and (status["killSwitch"] or {}).get("result") == "Done",
    )


def test_a_halted_account_cancels_every_open_order(shared: Sidecar) -> None:
    algorithm = shared.connect()
    names = place_resting(algorithm, 10)
    shared.apply_control(account=HALTED)
    for name in names:
        algorithm.wait_for_state(name, "CANCELED")
    status = wait_until_killed(shared)
    assert (status["trading"], shared.exchange_open_orders()) == ("Halted", set())
    shared.apply_control(account=ACTIVE)
    assert shared.status()["killSwitch"] is None
    assert algorithm.submit("BUY", "0.001", "30000").denied is None
    algorithm.cancel_all()
    algorithm.close()


def test_an_algorithms_own_halt_leaves_its_orders_open(shared: Sidecar) -> None:
    algorithm = shared.connect()
    names = place_resting(algorithm, 2)
    shared.apply_control(trading="Halted")
    assert algorithm.submit("BUY", "0.001", "30000").denied == "TRADING_HALTED"
    assert set(names) <= shared.exchange_open_orders()
    algorithm.cancel_all()
    shared.wait_for_status("no open orders", lambda status: status["openOrders"] == 0)
    algorithm.close()


def test_kill_switch_that_lets_one_more_order_through(make_sidecar: MakeSidecar) -> None:
    """Orders come all the while: on the gateway's one connection none follows the first cancel, and none stays open."""
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    denied = threading.Event()

    def submit_until_denied() -> None:
        number = 0
        while not denied.is_set():
            number += 1
            with contextlib.suppress(TimeoutError):  # The gateway is behind with reading: the flood goes on.
                algorithm.send(SubmitOrder(number, "BTCUSDT", "BUY", "LIMIT", "0.001", f"{30000 + number}"))
            algorithm.listen()
            if any(isinstance(e, OrderReply) and e.denied == "TRADING_HALTED" for e in algorithm.events[-50:]):
                denied.set()

    flood = threading.Thread(target=submit_until_denied)
    flood.start()
    sidecar.wait_for_status("orders", lambda status: status["orders"]["submitted"] > 20)
    before = sidecar.paper.call("GET", "/paper/v1/audit?limit=1")["last"]
    sidecar.set_control(account=HALTED)
    assert denied.wait(60)
    flood.join(60)
    wait_until_killed(sidecar)
    sent = [
        (entry["number"], entry["name"])
        for entry in sidecar.paper.call("GET", f"/paper/v1/audit?after={before}&limit=10000")["entries"]
        if entry["kind"] == "request" and entry["account"] == sidecar.account
    ]
    cancels = [number for number, name in sent if name == "order.cancel"]
    assert cancels
    assert [number for number, name in sent if name == "order.place" and number > cancels[0]] == []
    assert sidecar.exchange_open_orders() == set()
    algorithm.close()


def test_the_kill_switch_holds_through_lost_answers_and_a_lost_connection(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    place_resting(algorithm, 5)
    sidecar.paper.arm("lose-user-events", count=3)
    sidecar.set_control(account=HALTED)
    sidecar.paper.disconnect("websocket-api")
    wait_until_killed(sidecar)
    assert sidecar.exchange_open_orders() == set()
    algorithm.close()


def test_a_gateway_that_starts_on_a_halted_account_cancels_what_it_finds(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    place_resting(algorithm, 3)
    algorithm.close()
    sidecar.kill()
    sidecar.set_control(account=HALTED)
    sidecar.start()
    wait_until_killed(sidecar)
    assert sidecar.exchange_open_orders() == set()
