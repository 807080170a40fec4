"""What goes wrong between gateway and exchange, made to go wrong: no order is sent twice, none is forgotten."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from stockade_wire.messages import Connection, OrderEvent
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import FINAL, FIRST_KEYS, Algorithm, PaperExchange, Sidecar
from tests.support.waiting import wait_until


def count_fills(algorithm: Algorithm, client_order_id: str | None) -> list[int]:
    events = [event for event in algorithm.events if isinstance(event, OrderEvent)]
    return [e.last_fill.trade_id for e in events if e.client_order_id == client_order_id and e.last_fill]


def test_a_lost_reply_is_found_out_and_the_order_not_sent_again(sidecar: Sidecar) -> None:
    sidecar.paper.arm("drop-order-reply")
    algorithm = sidecar.connect()
    reply = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    assert set(sidecar.exchange_orders()) == {reply.client_order_id}
    algorithm.close()


def test_lost_user_events_are_found_by_asking(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    order = sidecar.exchange_orders()[str(resting.client_order_id)]
    sidecar.paper.arm("lose-user-events", count=20)
    sidecar.paper.call("POST", f"/paper/v1/orders/{order['orderId']}/cancel")
    sidecar.paper.disconnect("websocket-api")
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    sidecar.wait_until_ready()
    assert sidecar.status()["openOrders"] == 0
    algorithm.close()


def test_repeated_user_events_are_counted_once(sidecar: Sidecar) -> None:
    sidecar.paper.arm("duplicate-user-events", count=50)
    algorithm = sidecar.connect()
    for _ in range(3):
        reply = algorithm.submit("BUY", "0.002")
        algorithm.wait_for_state(reply.client_order_id, "FILLED")
        trades = count_fills(algorithm, reply.client_order_id)
        assert len(trades) == len(set(trades))
    sidecar.wait_for_same_books()
    algorithm.close()


def test_a_lost_connection_is_replaced_and_trading_goes_on(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    for _ in range(2):
        sidecar.lose_connections()
    wait_until(lambda: algorithm.submit("BUY", "0.002").denied, "an order to pass", holds=lambda code: code is None)
    told = [event.connected for event in algorithm.events if isinstance(event, Connection)]
    assert len(told) >= 5, "there, and twice gone and back"
    assert told == [place % 2 == 0 for place in range(len(told))]
    assert sidecar.exchange_open_orders() == {resting.client_order_id}
    algorithm.close()


def test_from_the_sockets_loss_to_the_end_of_reconciliation_orders_are_denied_and_cancels_pass(
    sidecar: Sidecar,
) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    sidecar.paper.arm("rest-status", status=503, count=None)
    sidecar.paper.arm("refuse-connections", seconds=4)
    sidecar.paper.disconnect("websocket-api")
    replies = [algorithm.submit("BUY", "0.001", "30001")]
    while replies[-1].denied is None:
        replies.append(algorithm.submit("BUY", "0.001", f"{30001 + len(replies)}"))
    assert (replies[-1].denied, replies[-1].message) == ("RECONCILING", "the connection to the exchange is lost")
    sidecar.wait_for_status("the socket to be back", lambda status: status["connected"])
    denied = algorithm.submit("BUY", "0.001", "30500")
    assert (denied.denied, "reconciling with the exchange" in str(denied.message)) == ("RECONCILING", True)
    assert algorithm.cancel(str(resting.client_order_id)).denied is None
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    sidecar.paper.call("DELETE", "/paper/v1/faults")
    sidecar.wait_until_ready()
    # Of those that were let through while the socket was being lost each is there, or was never sent.
    fates = [algorithm.wait_for_state(reply.client_order_id, "ACCEPTED", "REJECTED") for reply in replies[:-1]]
    accepted = {fate.client_order_id for fate in fates if fate.state == "ACCEPTED"}
    assert sidecar.exchange_open_orders() == accepted
    assert algorithm.submit("BUY", "0.001", "30000").denied is None
    algorithm.close()


def test_a_clock_measured_wrong_is_measured_again_before_the_next_connection(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar()
    sidecar.paper.arm("skew-clock", milliseconds=-30_000, seconds=600)
    sidecar.start()
    sidecar.paper.call("DELETE", "/paper/v1/faults")
    sidecar.lose_connections()
    assert sidecar.status()["reason"] is None


def test_a_clock_that_goes_wrong_while_trading_costs_one_order(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    before = sidecar.paper.last_audit_number()
    sidecar.paper.arm("skew-clock", milliseconds=30_000, seconds=600)
    late = algorithm.submit("BUY", "0.002")
    assert "(-1021)" in str(algorithm.wait_for_state(late.client_order_id, *FINAL).reason)
    wait_until(
        lambda: [e for e in sidecar.paper.read_audit(before) if e.get("name") == "GET /api/v3/time"], "a new measuring"
    )
    # The answer may still be on its way; the skew stays.
    wait_until(
        lambda: algorithm.wait_for_state(algorithm.submit("BUY", "0.002").client_order_id, *FINAL).state,
        "an order that is not refused for its timestamp",
        holds=lambda state: state == "FILLED",
    )
    assert late.client_order_id not in sidecar.exchange_orders()
    sidecar.wait_for_same_books()
    algorithm.close()


def test_a_killed_gateway_comes_back_with_every_order_and_no_more(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    # These are under way when it dies; each either reached the exchange or did not.
    replies = [algorithm.submit("BUY", "0.002", f"{31000 + number}") for number in range(5)]
    sidecar.kill()
    algorithm.close()
    sidecar.start()
    asked = {str(reply.client_order_id) for reply in (bought, resting, *replies)}
    assert set(sidecar.exchange_orders()) <= asked
    assert sidecar.status()["openOrders"] == len(sidecar.exchange_open_orders())
    sidecar.wait_for_same_books()
    again = sidecar.connect()
    reply = again.submit("SELL", "0.001")
    again.wait_for_state(reply.client_order_id, "FILLED")
    assert reply.client_order_id not in asked
    sidecar.wait_for_same_books()
    again.close()


def read_times(ledger_url: str, client_order_id: str | None) -> list[Any]:
    """Return when each fill and each step of an order happened and was heard of, oldest first."""
    with psycopg.connect(ledger_url) as connection:
        fills = "SELECT trade_time, received_time FROM ledger.fill WHERE client_order_id = %s ORDER BY trade_id"
        steps = "SELECT event_time, received_time FROM ledger.order_event WHERE client_order_id = %s ORDER BY sequence"
        return [row for query in (fills, steps) for row in connection.execute(query, (client_order_id,)).fetchall()]


def test_a_fill_while_the_gateway_was_away_says_when_it_was_heard_of(
    sidecar: Sidecar, paper: PaperExchange, ledger_url: str
) -> None:
    algorithm = sidecar.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    below = algorithm.submit("BUY", "0.002", f"{paper.last_price() * Decimal('0.999'):.2f}")
    algorithm.wait_for_state(below.client_order_id, "ACCEPTED")
    sidecar.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
    before = read_times(ledger_url, bought.client_order_id)
    sidecar.kill()
    algorithm.close()
    assert all(received is not None for _, received in before)
    paper.choose_regime("crash")
    try:
        wait_until(
            lambda: sidecar.exchange_orders()[str(below.client_order_id)]["status"],
            "the fill at the exchange",
            holds=lambda status: status == "FILLED",
        )
    finally:
        paper.choose_regime("usual")
    back = datetime.now(UTC)
    sidecar.start()
    sidecar.wait_for_same_books()
    sidecar.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
    fill, *_, end = read_times(ledger_url, below.client_order_id)
    for happened, received in (fill, end):
        assert happened < back < received
    # What the first gateway heard of keeps its time, though the next one had it in its journal.
    assert read_times(ledger_url, bought.client_order_id) == before


def test_a_new_pod_learns_the_past_from_the_ledger_and_the_exchange(make_sidecar: MakeSidecar) -> None:
    first = make_sidecar().start()
    algorithm = first.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    algorithm.close()
    held = first.status()["positions"]
    first.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
    first.kill()
    keys = {name: (first.folder / "keys" / FIRST_KEYS / name).read_text() for name in ("apiKey", "apiSecret")}
    second = make_sidecar(account={"account": first.account, **keys}, uid=first.uid).start()
    status = second.status()
    assert (status["positions"], status["openOrders"], status["reason"]) == (held, 1, None)
    again = second.connect()
    assert again.cancel(str(resting.client_order_id)).denied is None
    again.wait_for_state(resting.client_order_id, "CANCELED")
    again.close()


def test_a_gateway_without_the_exchange_says_so_and_takes_no_order(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start(ready=False, STOCKADE_REST_URL="http://127.0.0.1:9")
    status = sidecar.wait_for_status("a reason", lambda status: "time" in str(status["reason"]))
    assert (status["connected"], status["reconciled"]) == (False, False)
    assert sidecar.get("/readyz")[0] == 503
    assert sidecar.get("/livez")[0] == 200
    assert sidecar.stop()["result"] == "Incomplete"
