"""What kills other clients' connections: streams that do not come back, loops that die, queues that overflow."""

import json
import os
import signal

from stockade_wire.messages import OrderEvent
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import PaperExchange, Sidecar, request
from tests.support.waiting import wait_until

SUBSCRIBE = "userDataStream.subscribe.signature"


def requests(sidecar: Sidecar, name: str, after: int = 0) -> list[dict[str, str]]:
    """Return the parameters of every request of that name on this account since an entry of the audit log."""
    entries = sidecar.paper.read_audit(after)
    asked = (entry for entry in entries if entry["kind"] == "request" and entry["name"] == name)
    return [entry["parameters"] for entry in asked if entry["account"] == sidecar.account]


def test_user_stream_not_restored_after_reconnect(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    sidecar.lose_connections()
    assert len(requests(sidecar, SUBSCRIBE)) == 2
    before = sidecar.paper.last_audit_number()
    sidecar.cancel_on_the_web_page(resting.client_order_id)
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    # It was told by the new stream and not found out by asking.
    assert requests(sidecar, "GET /api/v3/order", before) == requests(sidecar, "GET /api/v3/openOrders", before) == []
    algorithm.close()


def test_socket_alive_but_its_read_loop_dead(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    # An error's answer that comes when nobody waits for it any more ends the read loop of python-binance for good.
    sidecar.paper.arm("delay-replies", milliseconds=11_000)
    refused = algorithm.submit("BUY", "50", "30000")
    algorithm.wait_for_state(refused.client_order_id, "REJECTED")
    wait_until(
        lambda: [entry for entry in sidecar.paper.read_audit() if entry["kind"] == "reply" and entry["status"] == 400],
        "the late answer to have been sent",
    )
    reply = algorithm.submit("BUY", "0.002")
    algorithm.wait_for_state(reply.client_order_id, "FILLED")
    assert len(requests(sidecar, "order.place")) == 2
    assert len(requests(sidecar, SUBSCRIBE)) == 1
    algorithm.close()


def test_queue_overflow_kills_the_stream(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    os.kill(sidecar.pid, signal.SIGSTOP)
    try:
        # Three events each, more than the hundred at which python-binance gives up; all of somebody else's orders.
        for number in range(40):
            assert sidecar.place_by_hand(f"hand-{number}", "0.0002") == 200
        sidecar.cancel_on_the_web_page(resting.client_order_id)
    finally:
        os.kill(sidecar.pid, signal.SIGCONT)
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    assert len(requests(sidecar, SUBSCRIBE)) == 1
    assert sidecar.status()["positions"] == {}
    algorithm.close()


def test_server_shut_down_after_its_announcement(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    # Binance sends `serverShutdown` ten minutes before it ends the connection: ours is replaced before that.
    sidecar.paper.call("POST", "/paper/v1/shutdown-notice")
    wait_until(lambda: len(requests(sidecar, SUBSCRIBE)), "a new subscription", holds=lambda count: count == 2)
    sidecar.wait_until_ready()
    sidecar.cancel_on_the_web_page(resting.client_order_id)
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    algorithm.close()


def test_partial_fill_during_disconnect(make_sidecar: MakeSidecar, paper: PaperExchange) -> None:
    sidecar = make_sidecar(account=paper.open_account(balances={"USDT": "100000000"})).start()
    algorithm = sidecar.connect()
    # More than the book holds at that price: a part is filled at once and the rest waits, but the connection is gone.
    price = json.loads(request(paper.port, "GET", "/api/v3/ticker/bookTicker?symbol=BTCUSDT")[1])["askPrice"]
    sidecar.paper.arm("disconnect-after-order")
    sidecar.paper.arm("refuse-connections", seconds=3)
    reply = algorithm.submit("BUY", "50", price)
    algorithm.wait_for_state(reply.client_order_id, "PARTIALLY_FILLED")
    sidecar.wait_until_ready()
    assert sidecar.exchange_open_orders() == {reply.client_order_id}
    # What waits may be filled further at any moment: an end makes both sides comparable.
    algorithm.cancel(str(reply.client_order_id))
    algorithm.wait_for_state(reply.client_order_id, "CANCELED")
    sidecar.wait_for_same_books()
    told = [event.last_fill.trade_id for event in algorithm.events if isinstance(event, OrderEvent) and event.last_fill]
    real = [fill["id"] for fill in sidecar.paper.describe_account(sidecar.account)["fills"]]
    assert sorted(told) == sorted(real)
    assert len(requests(sidecar, "order.place")) == 1
    algorithm.close()
