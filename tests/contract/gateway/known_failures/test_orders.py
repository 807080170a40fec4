"""What trading programs lose money by: orders doubled, forgotten, taken from others or left behind."""

from typing import Any

import pytest

from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import FINAL, PaperExchange, Sidecar
from tests.support.waiting import wait_until

BOTS = 6
CANCELS = ("order.cancel", "DELETE /api/v3/order")


def sent_orders(paper: PaperExchange, sidecar: Sidecar) -> list[str]:
    """Return the client order ids of this algorithm's orders as often as they reached the exchange."""
    asked = (entry for entry in paper.read_audit() if entry["kind"] == "request" and entry["name"] == "order.place")
    numbers = [str(entry["parameters"]["newClientOrderId"]) for entry in asked]
    return [number for number in numbers if number.startswith(sidecar.prefix)]


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("fault", [{"kind": "order-timeout"}, {"kind": "order-server-error", "status": 502}])
def test_order_executed_though_the_request_timed_out(
    sidecar: Sidecar, paper: PaperExchange, fault: dict[str, Any], *, executed: bool
) -> None:
    paper.arm(**fault, executed=executed)
    paper.arm("lose-user-events", count=20)
    algorithm = sidecar.connect()
    reply = algorithm.submit("BUY", "0.002")
    event = algorithm.wait_for_state(reply.client_order_id, *FINAL)
    assert event.state == ("FILLED" if executed else "REJECTED")
    assert sent_orders(paper, sidecar) == [reply.client_order_id]
    assert len(sidecar.exchange_orders()) == int(executed)
    sidecar.wait_for_same_books()
    algorithm.close()


def test_cancel_carried_out_though_its_answer_was_lost(sidecar: Sidecar, paper: PaperExchange) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    before = paper.last_audit_number()
    paper.arm("lose-user-events", count=20)
    paper.arm("delay-replies", milliseconds=60_000)
    assert algorithm.cancel(str(resting.client_order_id)).denied is None
    wait_until(sidecar.exchange_open_orders, "the cancel at the exchange", holds=lambda names: not names)
    # The answer is under way for a minute when its connection ends.
    paper.disconnect("websocket-api")
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    sidecar.wait_until_ready()
    assert sidecar.status()["openOrders"] == 0
    cancels = [entry["name"] for entry in paper.read_audit(before) if entry.get("name") in CANCELS]
    assert cancels[0] == "order.cancel"
    assert len(cancels) <= 2
    algorithm.close()


def test_order_cancelled_on_the_exchanges_web_page(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    sidecar.cancel_on_the_web_page(resting.client_order_id)
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    assert sidecar.status()["openOrders"] == 0
    algorithm.close()


def test_two_bots_on_one_account_taking_each_others_orders(make_sidecar: MakeSidecar, paper: PaperExchange) -> None:
    account = paper.open_account()
    bots = [make_sidecar(account=account).start() for _ in range(2)]
    algorithms = [bot.connect() for bot in bots]
    orders = [algorithm.submit("BUY", "0.01", "30000").client_order_id for algorithm in algorithms]
    bought = algorithms[0].submit("BUY", "0.003").client_order_id
    algorithms[0].wait_for_state(bought, "FILLED")
    for algorithm, order in zip(algorithms, orders, strict=True):
        algorithm.wait_for_state(order, "ACCEPTED")
    assert bots[0].place_by_hand("hand-1", "0.001", "30000") == 200
    # Both come back from a lost pod, where all they know is what they ask the exchange and the ledger for.
    for bot, algorithm in zip(bots, algorithms, strict=True):
        algorithm.close()
        bot.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
        bot.kill()
        bot.lose_journal()
        bot.start()
    assert [bot.status()["openOrders"] for bot in bots] == [1, 1]
    assert [set(bot.status()["positions"]) for bot in bots] == [{"BTCUSDT"}, set()]
    again = bots[0].connect()
    again.cancel_all()
    again.wait_for_state(orders[0], "CANCELED")
    again.close()
    left = {order["clientOrderId"] for order in paper.describe_account(bots[0].account)["openOrders"]}
    assert left == {orders[1], "hand-1"}


def test_ban_by_ip_with_six_bots(make_sidecar: MakeSidecar, paper: PaperExchange) -> None:
    bots = [make_sidecar().start() for _ in range(BOTS)]
    before = paper.last_audit_number()
    paper.arm("ban-address", seconds=4)
    paper.disconnect("all")
    for bot in bots:
        bot.wait_for_status("the ban to be felt", lambda status: status["reconciled"] is False)
    for bot in bots:
        bot.wait_until_ready()
    entries = paper.read_audit(before)
    refused = {entry["request"] for entry in entries if entry["kind"] == "reply" and entry["status"] == 418}
    # One question each, or two that crossed; who goes on asking is banned for longer (Binance, "IP limits").
    assert len(refused) <= 2 * BOTS
    algorithm = bots[-1].connect()
    reply = algorithm.submit("BUY", "0.002")
    algorithm.wait_for_state(reply.client_order_id, "FILLED")
    algorithm.close()


def test_position_forgotten_after_restart(make_sidecar: MakeSidecar) -> None:
    bot = make_sidecar().start()
    algorithm = bot.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    algorithm.close()
    held = bot.status()["positions"]
    bot.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
    for is_new_pod in (False, True):
        bot.kill()
        if is_new_pod:
            bot.lose_journal()
        bot.start()
        assert bot.status()["positions"] == held
        bot.wait_for_same_books()


def test_stop_that_leaves_orders_behind(sidecar: Sidecar, paper: PaperExchange) -> None:
    sidecar.apply_control(onStop="CancelOrders")
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    # The last one's answer never comes: whether it is open is not known when the gateway is told to leave.
    paper.arm("drop-order-reply")
    paper.arm("lose-user-events", count=20)
    algorithm.submit("BUY", "0.01", "30001")
    sidecar.wait_for_exchange_orders(2)
    algorithm.close()
    assert sidecar.stop()["result"] == "Done"
    assert sidecar.exchange_open_orders() == set()
    assert {order["status"] for order in sidecar.exchange_orders().values()} == {"CANCELED"}
