"""New keys under load: no order is rejected or denied for it, the old keys are used no more and gone from memory."""

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stockade_wire.messages import OrderEvent
from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import FIRST_KEYS, PaperExchange, Sidecar
from tests.support.waiting import wait_until

SECOND_KEYS = "paper-keys-2"
# Eighty orders in ten seconds at most: the exchange takes a hundred, and the gateway keeps ten for what lowers risk.
PACE_SECONDS = 0.125


@contextmanager
def trading_without_pause(sidecar: Sidecar) -> Iterator[list[OrderEvent]]:
    """Buy, sell, place and cancel, as fast as the exchange's limits allow; yields every order's events so far."""
    algorithm, ending = sidecar.connect(), threading.Event()
    heard: list[OrderEvent] = []
    problems: list[str] = []

    def trade() -> None:
        turn = 0
        while not ending.wait(PACE_SECONDS):
            turn += 1
            order = ("BUY", "0.002", "30000") if turn % 2 else ("BUY" if turn % 4 else "SELL", "0.002")
            reply = algorithm.submit(*order)
            if reply.denied:
                problems.append(f"{reply.denied}: {reply.message}")
                continue
            if turn % 2:
                algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
                algorithm.cancel(str(reply.client_order_id))
            algorithm.wait_for_state(reply.client_order_id, "FILLED", "CANCELED", "REJECTED", "EXPIRED")
            heard[:] = [event for event in algorithm.events if isinstance(event, OrderEvent)]

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield heard
    finally:
        ending.set()
        thread.join(timeout=60)
        algorithm.close()
    assert problems == []


def wait_for_more(heard: list[OrderEvent], count: int) -> None:
    before = len(heard)
    wait_until(lambda: len(heard), "more orders", holds=lambda now: now >= before + count, deadline_seconds=60)


def read_memory(pid: int) -> Iterator[bytes]:
    """Everything the process has mapped and can be read, piece by piece."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()  # type: ignore[union-attr]
            if mode.startswith("rw"):
                memory.seek(int(start, 16))
                yield memory.read(int(end, 16) - int(start, 16))


def is_in_memory(sidecar: Sidecar, secret: str) -> bool:
    return any(secret.encode() in piece for piece in read_memory(sidecar.pid))


@pytest.fixture
def account(paper: PaperExchange) -> dict[str, Any]:
    """An account, with a secret that nothing else can hold by chance."""
    return paper.open_account(apiSecret=secrets.token_hex(32))


def test_it_rotates_under_load_without_one_rejected_order(
    make_sidecar: MakeSidecar, paper: PaperExchange, account: dict[str, Any]
) -> None:
    sidecar = make_sidecar(account=account).start()
    first_version, first_pid = sidecar.status()["keyVersion"], sidecar.pid
    fresh = paper.open_account(account=account["account"], apiSecret=secrets.token_hex(32))
    with trading_without_pause(sidecar) as heard:
        wait_for_more(heard, 20)
        sidecar.mount_keys(SECOND_KEYS, fresh)
        sidecar.set_control(keysSecret=SECOND_KEYS)
        status = sidecar.wait_for_status("the new keys", lambda seen: seen["keysSecret"] == SECOND_KEYS)
        assert status["keyVersion"] != first_version
        paper.call("DELETE", f"/paper/v1/keys/{account['apiKey']}")
        wait_for_more(heard, 40)
    assert [event for event in heard if event.state == "REJECTED"] == []
    assert sidecar.pid == first_pid
    sidecar.wait_for_same_books()
    orders = {event.client_order_id for event in heard}
    assert orders <= sidecar.exchange_orders().keys()
    status = sidecar.status()
    assert (status["orders"]["rejected"], status["orders"]["denied"], status["reason"]) == (0, 0, None)
    for secret in (account["apiSecret"], fresh["apiSecret"]):
        assert secret not in sidecar.output
        assert not is_in_memory(sidecar, secret)
    # The search itself finds what is there.
    assert is_in_memory(sidecar, fresh["apiKey"])


def test_it_starts_with_the_keys_that_the_control_names(
    make_sidecar: MakeSidecar, paper: PaperExchange, account: dict[str, Any]
) -> None:
    sidecar = make_sidecar(account=account)
    fresh = paper.open_account(account=account["account"])
    sidecar.mount_keys(SECOND_KEYS, fresh)
    sidecar.set_control(keysSecret=SECOND_KEYS)
    paper.call("DELETE", f"/paper/v1/keys/{account['apiKey']}")
    assert sidecar.start().status()["keysSecret"] == SECOND_KEYS


def test_it_takes_the_keys_that_are_named_while_it_starts_with_revoked_ones(
    make_sidecar: MakeSidecar, paper: PaperExchange, account: dict[str, Any]
) -> None:
    sidecar = make_sidecar(account=account)
    paper.call("DELETE", f"/paper/v1/keys/{account['apiKey']}")
    sidecar.start(ready=False)
    sidecar.wait_for_status("the refusal", lambda seen: "checking the key" in str(seen["reason"]))
    sidecar.mount_keys(SECOND_KEYS, paper.open_account(account=account["account"]))
    sidecar.set_control(keysSecret=SECOND_KEYS)
    sidecar.wait_until_ready()
    assert sidecar.status()["keysSecret"] == SECOND_KEYS


def test_keys_revoked_while_it_trades_stop_it_in_words_and_new_ones_let_it_go_on(
    make_sidecar: MakeSidecar, paper: PaperExchange, account: dict[str, Any]
) -> None:
    sidecar = make_sidecar(account=account).start()
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    paper.call("DELETE", f"/paper/v1/keys/{account['apiKey']}")
    # The exchange's words come before the end of the connection that they are said on.
    status = sidecar.wait_for_status(
        "the refusal and its end", lambda seen: "Invalid API-key" in str(seen["reason"]) and not seen["connected"]
    )
    assert status["openOrders"] == 1
    assert algorithm.submit("BUY", "0.002").denied == "RECONCILING"
    sidecar.mount_keys(SECOND_KEYS, paper.open_account(account=account["account"]))
    sidecar.set_control(keysSecret=SECOND_KEYS)
    sidecar.wait_for_status("peace", lambda seen: seen["reason"] is None and seen["keysSecret"] == SECOND_KEYS)
    sidecar.wait_until_ready()
    algorithm.wait_for_state(algorithm.submit("BUY", "0.002").client_order_id, "FILLED")
    assert sidecar.exchange_open_orders() == {resting.client_order_id}
    algorithm.cancel(str(resting.client_order_id))
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    algorithm.close()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wrong secret", "Signature for this request is not valid"),
        ("another account", "they belong to another account"),
        ("not mounted", "it is not mounted"),
        ("no secret", "neither apiSecret nor privateKey"),
    ],
)
def test_keys_that_do_not_work_change_nothing(
    make_sidecar: MakeSidecar, paper: PaperExchange, account: dict[str, Any], kind: str, said: str
) -> None:
    sidecar = make_sidecar(account=account).start()
    keys = {
        "wrong secret": {"apiKey": account["apiKey"], "apiSecret": "0" * 64},
        "another account": paper.open_account(),
        "no secret": {"apiKey": account["apiKey"]},
    }
    if kind in keys:
        sidecar.mount_keys(SECOND_KEYS, keys[kind])
    sidecar.set_control(keysSecret=SECOND_KEYS)
    status = sidecar.wait_for_status("the reason", lambda seen: said in str(seen["reason"]))
    assert (status["keysSecret"], status["connected"]) == (FIRST_KEYS, True)
    algorithm = sidecar.connect()
    algorithm.wait_for_state(algorithm.submit("BUY", "0.002").client_order_id, "FILLED")
    algorithm.close()
    sidecar.set_control(keysSecret=FIRST_KEYS)
    sidecar.wait_for_status("peace", lambda seen: seen["reason"] is None)
