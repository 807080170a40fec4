"""The account's limits over several algorithms: together they never get more, whatever happens to whom."""

import socket
from decimal import Decimal
from typing import Any

import httpx

from stockade_gateway.share_messages import MAC_HEADER, PATH
from tests.support.account_world import AccountWorld
from tests.support.sidecar_process import Algorithm, Sidecar
from tests.support.waiting import wait_until

LIMITS = {"maxExposure": "1000", "quoteAsset": "USDT"}
# Rests far below the market; exposure counts it at the market's price or its own, whichever is higher.
PRICE = "30000"


def share_of(sidecar: Sidecar) -> dict[str, Any]:
    return dict(sidecar.status()["accountShare"])


def wait_for_share(sidecar: Sidecar) -> Decimal:
    found = wait_until(
        lambda: share_of(sidecar), "a share", holds=lambda share: share["error"] is None and share["exposure"]
    )
    return Decimal(found["exposure"])


def submit_until_passed(algorithm: Algorithm, quantity: str) -> str:
    reply = wait_until(
        lambda: algorithm.submit("BUY", quantity, PRICE),
        "an order to pass",
        holds=lambda reply: reply.denied is None,
        pause_seconds=0.3,
    )
    algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    return str(reply.client_order_id)


def compute_exposure(world: AccountWorld) -> Decimal:
    """Return the account's open orders at the exchange, at their own prices."""
    orders = world.paper.describe_account(int(world.keys["account"]))["openOrders"]
    return sum((Decimal(order["origQty"]) * Decimal(order["price"]) for order in orders), Decimal(0))


def test_two_algorithms_share_one_limit_and_it_moves_to_who_wants_it(world: AccountWorld) -> None:
    world.set_account(limits=LIMITS)
    first, second = world.add_sidecar(), world.add_sidecar()
    wait_for_share(first)
    wait_for_share(second)
    a, b = first.connect(), second.connect()
    codes = [algorithm.submit("BUY", "0.004", PRICE).denied for algorithm in (a, b) for _ in range(20)]
    assert {None, "ACCOUNT_LIMIT_EXCEEDED"} <= set(codes) <= {None, "ACCOUNT_LIMIT_EXCEEDED", "RATE_LIMIT_EXCEEDED"}
    assert compute_exposure(world) <= 1000
    a.cancel_all()
    first.wait_for_status("no open orders", lambda status: status["openOrders"] == 0)
    # At the market's price the limit has room for four; half of it, as while both wanted some, for two.
    while len(second.exchange_open_orders()) < 4:
        submit_until_passed(b, "0.004")
    assert b.submit("BUY", "0.004", PRICE).denied == "ACCOUNT_LIMIT_EXCEEDED"
    assert compute_exposure(world) <= 1000
    a.close()
    b.close()


def test_without_the_account_gateway_only_orders_that_reduce_pass(world: AccountWorld) -> None:
    world.set_account(limits=LIMITS)
    sidecar = world.add_sidecar()
    wait_for_share(sidecar)
    algorithm = sidecar.connect()
    bought = wait_until(
        lambda: algorithm.submit("BUY", "0.003"), "a purchase", holds=lambda r: r.denied is None, pause_seconds=0.3
    )
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    world.gateway.kill()
    wait_until(lambda: share_of(sidecar)["error"], "the lease to end")
    reply = algorithm.submit("BUY", "0.001", PRICE)
    assert reply.denied == "ACCOUNT_LIMIT_EXCEEDED"
    assert "the account gateway does not answer" in str(reply.message)
    sold = algorithm.submit("SELL", "0.002")
    assert sold.denied is None
    algorithm.wait_for_state(sold.client_order_id, "FILLED")
    world.gateway.start()
    submit_until_passed(algorithm, "0.001")
    algorithm.submit("SELL", "0.00099")
    algorithm.close()


def test_limits_are_raised_and_lowered_while_orders_are_open(world: AccountWorld) -> None:
    world.set_account(limits=LIMITS)
    sidecar = world.add_sidecar()
    wait_for_share(sidecar)
    algorithm = sidecar.connect()
    names = {submit_until_passed(algorithm, "0.004") for _ in range(2)}
    world.set_account(limits={"maxExposure": "100", "quoteAsset": "USDT"})
    status = sidecar.wait_for_status("a breach", lambda status: status["limitBreached"] == "account maxExposure")
    assert status["withinLimits"] is False
    assert algorithm.submit("BUY", "0.001", PRICE).denied == "ACCOUNT_LIMIT_EXCEEDED"
    assert sidecar.exchange_open_orders() == names
    world.set_account(limits={"maxExposure": "100000", "quoteAsset": "USDT"})
    names.add(submit_until_passed(algorithm, "0.02"))
    assert sidecar.exchange_open_orders() == names
    assert sidecar.status()["withinLimits"] is True
    algorithm.close()


def test_two_account_gateways_do_not_double_the_limit(world: AccountWorld) -> None:
    world.set_account(limits=LIMITS)
    first, second = world.add_sidecar(), world.add_sidecar(start=False)
    wait_for_share(first)
    owner, world.gateway = world.gateway, world.make_gateway()
    world.start(second)
    words = "does not know yet whether another one is at work"
    wait_until(lambda: share_of(second)["error"], "a refusal", holds=lambda error: words in str(error))
    assert world.gateway.status()["shares"]["message"] == "another account gateway shares out the limits"
    owner.kill()
    wait_until(lambda: share_of(first)["error"], "the first's lease to end")
    assert wait_for_share(second) <= 1000


def test_nobody_without_the_key_gets_a_share_or_takes_one(world: AccountWorld) -> None:
    answer = httpx.post(f"{world.gateway.http}{PATH}", content=b"{}", headers={MAC_HEADER: "0" * 64}, timeout=30)
    assert (answer.status_code, answer.text) == (403, "the message was not made with this account's key\n")
    assert httpx.post(f"{world.gateway.http}{PATH}", content=b"x" * 20000, timeout=30).status_code == 413


def test_what_a_stopped_algorithm_holds_counts(world: AccountWorld) -> None:
    world.set_account(limits={"maxExposure": "1000", "maxDailyLoss": "500", "quoteAsset": "USDT"})
    first = world.add_sidecar()
    first.set_control(onStop="Keep")
    wait_for_share(first)
    algorithm = first.connect()
    bought = wait_until(
        # Little, because it stays the account's in all tests that follow.
        lambda: algorithm.submit("BUY", "0.001"),
        "a purchase",
        holds=lambda r: r.denied is None,
        pause_seconds=0.3,
    )
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    algorithm.close()
    notional = Decimal(first.status()["positionNotional"])
    assert first.stop()["result"] == "Done"
    second = world.add_sidecar()
    left = wait_until(lambda: wait_for_share(second), "the ledger to speak", holds=lambda share: share < 1000)
    assert abs(left - (1000 - notional)) < notional / 3


def test_sidecars_that_hang_up_amid_their_reports_leave_no_error(world: AccountWorld) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", world.gateway.port)) as connection:
            head = f"POST {PATH} HTTP/1.1\r\nHost: account\r\nContent-Length: 100\r\n\r\n"
            connection.sendall(f"{head}{{".encode())
            # Until it reads the report the gateway has nothing to be interrupted in.
            wait_until(world.gateway.status, "an answer to somebody else")
    wait_until(world.gateway.status, "an answer after all of them")
    assert "Traceback" not in world.gateway.log()
